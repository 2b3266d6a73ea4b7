"""Every page needs few queries, and no more with much data: design, section 11. Counted, not timed, so that a busy machine makes no difference."""

from datetime import timedelta
from functools import partial
from itertools import product
from unittest.mock import patch

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from clients.hygiene import Kind
from clients.models import AuditEvent, Client, RecordedRequest, Workspace
from clients.periods import MONTH, PERIODS
from clients.services import audit
from clients.services.benchmark import seed_clients
from clients.services.benchmark_usage import seed_usage
from clients.services.usage_summaries import LIVE_CLIENTS
from dashboard.clients.filters import COLUMNS, STATUSES
from dashboard.frame.middleware import SessionActivityMiddleware
from dashboard.models import User
from tests import factories
from tests.browser.cast import create_cast
from tests.browser.pages import PAGES
from tests.dashboard.conftest import Browser
from tests.dashboard.costs import cost_of

pytestmark = pytest.mark.django_db

MAX_QUERIES = 12

# More than any page lists, and so many more that scopes and addresses are summed up in advance.
FEW_CLIENTS, MORE_CLIENTS = 105, LIVE_CLIENTS
EVENTS, REQUESTS, DAYS = 1000, 1000, 10
# Counting clients, or looking through their names and ends, takes some instructions for each; with 10,000 clients two millions, a twentieth of a second.
MAX_FOR_A_CLIENT = 250

W = "/w/kestrel/"
CLIENTS, BUSY = f"{W}clients/?size=10", f"{W}clients/{{busy}}/"
LISTS = [
    *(f"{CLIENTS}&sort=-{name}" for name in COLUMNS),
    *(f"{W}clients/?{query}" for query in ("q=mark+77", "q=nothing-like-it", "q=mark&status=attention&sort=expires", "size=100")),
    *(f"{W}search/?q={query}" for query in ("mark+77", "nothing-like-it")),
    *(f"{W}usage/?period={MONTH.name}{rest}" for rest in ("", "&client={busy}")),
    *(f"{BUSY}{rest}" for rest in ("", "latest/", "audit/", "settings/", "rotate/", "disable/", "delete/")),
    *(f"{BUSY}requests/?{rest}" for rest in ("", "result=refused")),
    *(f"{W}audit/?{rest}" for rest in ("period=all", "q=nothing-like-it&period=all", "client={busy}")),
    *(f"{W}hygiene/{kind}/" for kind in Kind.values),
    f"{W}explain/?request_id=unknown",
]
# The same in the other order, for other periods and with other filters.
FURTHER_LISTS = [
    *(f"{CLIENTS}&sort={name}" for name in COLUMNS),
    *(f"{CLIENTS}&status={status}" for status, _ in STATUSES),
    f"{W}clients/?env=test",
    *(f"{W}search/?q={query}" for query in ("", "bnchmrk9")),
    *(f"{W}usage/?period={period}{rest}" for period, rest in product(PERIODS, ("", "&env=live", "&client={busy}"))),
    *(f"{BUSY}?period={period}" for period in PERIODS),
    *(f"{BUSY}requests/?{rest}" for rest in ("result=granted", "address=192.0.2.9", "endpoint=introspection")),
    *(f"{W}audit/?{rest}" for rest in ("action=client.created&period=all", "address=192.0.2.9")),
]
# What a script asks for while somebody types.
FRAGMENTS = [f"{W}search/?q=mark+77", f"{W}search/?q=bnchmrk9", f"{W}clients/?q=mark+77"]

# On a slow machine, a minute passes between two looks, and the session is noted as used.
_NOT_NOTED = patch.object(SessionActivityMiddleware, "EVERY", timedelta(days=1))


def each_page():
    """By person, path, and whether it is a part that a script requests."""
    looks = {(page.person, page.path, False) for page in PAGES}
    return looks | {("ada", path, is_fragment) for paths, is_fragment in ((LISTS, False), (FRAGMENTS, True)) for path in paths}


def each_further_list():
    return {("ada", path, False) for path in FURTHER_LISTS}


@pytest.fixture(scope="module", params=[each_page, pytest.param(each_further_list, marks=pytest.mark.slow)])
def costs(request, unmeasured, django_db_setup, django_db_blocker):
    """Costs by person and page: with a hundred clients, and with hundreds more, all used for days."""
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with django_db_blocker.unblock(), override_settings(STORAGES={**django_settings.STORAGES, "staticfiles": static}), _NOT_NOTED, transaction.atomic():
        django_settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        cast = create_cast()
        # What an address outside the workspace may still be told is asked besides.
        Client.objects.filter(client_id=cast["client"]).update(contact="payments@elsewhere.example")
        factories.create_signing_key()
        kestrel = Workspace.objects.get(slug="kestrel")
        seed(kestrel, clients=FEW_CLIENTS)
        cast["busy"] = Client.objects.get(name="Benchmark 1").client_id
        browsers, looks = {}, sorted(request.param(), key=str)
        few = look_at_all(browsers, cast, looks)
        seed(kestrel, clients=MORE_CLIENTS)
        add_rows(Client.objects.get(client_id=cast["busy"]))
        yield {what: (cost, many) for (what, cost), many in zip(few.items(), look_at_all(browsers, cast, looks).values(), strict=True)}
        transaction.set_rollback(True)


def seed(workspace, *, clients):
    now = timezone.now()
    seed_clients(workspace=workspace, clients=clients, known=0, deliver=lambda _: None, actor=factories.TESTS, now=now)
    seed_usage(workspace=workspace, days=DAYS, actor=factories.TESTS, now=now)


def add_rows(client):
    now, common = timezone.now(), {"workspace": client.workspace, "client": client, "endpoint": "token", "address": "192.0.2.8"}
    RecordedRequest.objects.bulk_create(
        RecordedRequest(**common, request_id=f"many-{number}", status=400 if number % 3 else 200, created_at=now - timedelta(minutes=number))
        for number in range(REQUESTS)
    )
    audit.record("client.changed", workspace=client.workspace, actor=factories.TESTS, target_type="client", target_id=client.client_id, now=now)
    event = AuditEvent.objects.latest("pk")
    fields = {field.attname: getattr(event, field.attname) for field in AuditEvent._meta.concrete_fields if not field.primary_key}
    AuditEvent.objects.bulk_create(AuditEvent(**{**fields, "created_at": now - timedelta(minutes=number)}) for number in range(EVENTS))


def look_at_all(browsers, cast, looks):
    return {look: look_at(browsers, cast, *look) for look in looks}


def look_at(browsers, cast, person, path, is_fragment):
    """The cost of a second visit, if the first one stores something."""
    visit = partial(cost_of, browser_of(person, browsers), path.format(**cast), **({"HX-Request": "true"} if is_fragment else {}))
    cost = visit()
    return cost if len(cost.queries) <= MAX_QUERIES else visit()


def browser_of(person, browsers):
    if person not in browsers:
        browser = browsers[person] = Browser()
        if person:
            browser.cookies[django_settings.SESSION_COOKIE_NAME] = factories.create_session(User.objects.get(email=f"{person}@example.com"))
    return browsers[person]


def test_a_page_needs_twelve_queries_at_most_with_any_amount_of_data(costs):
    found = {look: len(many.queries) for look, (_, many) in costs.items()}
    assert [f"{queries} {look}" for look, queries in found.items() if queries > MAX_QUERIES] == []


def test_no_page_reads_what_clients_did_one_by_one(costs):
    """Each leaves dozens of rows of usage."""
    grown = {look: (many.instructions - few.instructions) / MORE_CLIENTS for look, (few, many) in costs.items()}
    assert [f"{instructions:.0f} {look}" for look, instructions in grown.items() if instructions > MAX_FOR_A_CLIENT] == []
