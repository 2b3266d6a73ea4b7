"""Which clients need attention: an old secret still in use, an end that comes soon, a new address, refusals, and disuse."""

from datetime import timedelta

import pytest

from clients.attention import MAX, Kind, find_attention, needing, needing_any
from clients.models import Client, ClientActivity, ClientSecret
from clients.services.clients import disable_client
from clients.services.rotation import rotate_secret
from tests.dashboard.conftest import create_certificate, create_public_key
from tests.factories import TESTS, create_client

DAY = timedelta(days=1)


def make(workspace, now, name="billing-sync", **activity):
    """One that needs nothing: a year old, used today, with a secret that lasts."""
    client = create_client(workspace, name=name, now=now - 365 * DAY).secret.client
    fields = {"workspace": workspace, "last_used_at": now, **activity}
    ClientActivity.objects.update_or_create(client=client, defaults=fields)
    return client


def rotate(client, now, *, ago=timedelta(hours=19), overlap=timedelta(hours=24), used_ago=timedelta(minutes=2)):
    rotate_secret(client=client, overlap=overlap, actor=TESTS, now=now - ago)
    client.secrets.filter(expires_at__isnull=False).update(last_used_at=None if used_ago is None else now - used_ago)


def kinds_of(client, now):
    """Those by which lists find it, which is what the sentences say as well."""
    listed = [kind for kind in Kind if Client.objects.filter(needing(kind, client.workspace, now=now), pk=client.pk)]
    found = find_attention(client.workspace, now=now)
    assert [finding.kind for finding in found.findings if finding.client == client] == listed
    assert (client in Client.objects.filter(needing_any(client.workspace, now=now))) == bool(listed)
    return listed


def test_one_that_is_fine_needs_none(workspace, now):
    assert kinds_of(make(workspace, now), now) == []
    assert find_attention(workspace, now=now).count == 0


def test_an_old_secret_that_is_still_used_during_the_overlap(workspace, now):
    client = make(workspace, now)
    rotate(client, now)
    assert kinds_of(client, now) == [Kind.ROTATING]
    [finding] = find_attention(workspace, now=now).findings
    assert (finding.client, finding.count, finding.at) == (client, 1, now + timedelta(hours=5))


@pytest.mark.parametrize("used_ago", [None, timedelta(hours=20), timedelta(days=3)])
def test_an_old_secret_that_nothing_used_since_there_is_a_new_one(workspace, now, used_ago):
    client = make(workspace, now)
    rotate(client, now, used_ago=used_ago)
    assert kinds_of(client, now) == []


def test_an_old_secret_that_was_silent_for_a_day(workspace, now):
    client = make(workspace, now)
    rotate(client, now, ago=3 * DAY, overlap=7 * DAY, used_ago=25 * DAY / 24)
    assert kinds_of(client, now) == []


def test_a_last_secret_that_ends_within_14_days(workspace, now):
    soon, later, ended = (make(workspace, now, name) for name in ("soon", "later", "ended"))
    for client, days in ((soon, 14), (later, 15), (ended, -1)):
        client.secrets.update(expires_at=now + days * DAY)
    assert [kinds_of(client, now) for client in (soon, later, ended)] == [[Kind.EXPIRING], [], []]
    assert find_attention(workspace, now=now).findings[0].credential is ClientSecret


def test_one_that_has_something_that_lasts_longer(workspace, now):
    by_secret, by_key, by_certificate, by_address, by_subject = (make(workspace, now, name) for name in "abcde")
    ClientSecret.objects.update(expires_at=now + DAY)
    create_client(workspace)
    ClientSecret.objects.create(client=by_secret, secret_id="x" * 10, hash="$argon2id$", created_at=now, created_by="x", expires_at=now + 20 * DAY)
    create_public_key(by_key)
    create_certificate(by_certificate)
    Client.objects.filter(pk=by_address.pk).update(jwks_uri="https://keys.example.com")
    Client.objects.filter(pk=by_subject.pk).update(tls_subject_type="tls_client_auth_san_dns", tls_subject="gw.example.com")
    for client in Client.objects.all():
        assert kinds_of(client, now) == []


def test_a_certificate_and_a_key_that_end_soon(workspace, now):
    for name, create in (("by-certificate", create_certificate), ("by-key", create_public_key)):
        client = make(workspace, now, name)
        credential = create(client)
        client.secrets.all().delete()
        type(credential).objects.update(expires_at=now + 3 * DAY)
    found = find_attention(workspace, now=now)
    assert [(finding.kind, finding.client.name, finding.count) for finding in found.findings] == [(Kind.EXPIRING, "by-key", 2)]


@pytest.mark.parametrize(("days", "is_new"), [(0, True), (6, True), (7, False)])
def test_a_new_address_stays_new_for_a_week(workspace, now, days, is_new):
    client = make(workspace, now, new_address="192.0.2.201", new_address_at=now - days * DAY)
    assert kinds_of(client, now) == ([Kind.NEW_ADDRESS] if is_new else [])


def test_a_new_address_of_a_test_client_is_fine(workspace, now):
    client = make(workspace, now, new_address="192.0.2.201", new_address_at=now)
    Client.objects.filter(pk=client.pk).update(environment="test")
    assert kinds_of(client, now) == []


@pytest.mark.parametrize(
    ("granted", "refused", "is_much"), [(100, 10, True), (189, 10, True), (190, 10, False), (1000, 51, False), (900, 51, True), (0, 9, False), (0, 10, True)]
)
def test_refusals_are_too_many_over_5_per_cent_but_never_a_few(workspace, now, granted, refused, is_much):
    client = make(workspace, now, granted_24h=granted, refused_24h=refused)
    assert kinds_of(client, now) == ([Kind.REFUSED] if is_much else [])


@pytest.mark.parametrize(("days", "is_idle"), [(89, False), (91, True), (None, True)])
def test_what_nothing_used_for_90_days_or_ever(workspace, now, days, is_idle):
    client = make(workspace, now, last_used_at=None if days is None else now - days * DAY)
    assert kinds_of(client, now) == ([Kind.UNUSED] if is_idle else [])


def test_a_new_one_may_be_unused(workspace, now):
    client = make(workspace, now, last_used_at=None)
    Client.objects.update(created_at=now - 10 * DAY)
    assert kinds_of(client, now) == []


def test_what_is_switched_off_can_wait(workspace, now):
    client = make(workspace, now, last_used_at=None, refused_24h=100, new_address="192.0.2.201", new_address_at=now)
    rotate(client, now)
    disable_client(client=client, actor=TESTS, now=now)
    client.refresh_from_db()
    assert kinds_of(client, now) == []


def test_clients_count_once_however_many_reasons_there_are_and_the_most_urgent_is_named(workspace, now):
    worse = make(workspace, now, "worse", refused_24h=500, last_used_at=now - 200 * DAY)
    make(workspace, now, "bad", refused_24h=50, last_used_at=now - 100 * DAY)
    found = find_attention(workspace, now=now)
    assert (found.count, found.is_more) == (2, False)
    assert [(finding.kind, finding.client, finding.count) for finding in found.findings] == [(Kind.REFUSED, worse, 2), (Kind.UNUSED, worse, 2)]


def test_another_workspaces_clients_are_its_own_business(workspace, now, other):
    make(other, now, last_used_at=None)
    assert find_attention(workspace, now=now).count == 0


def test_beyond_a_thousand_it_says_so(workspace, now, django_assert_num_queries):
    first = make(workspace, now, last_used_at=now - 200 * DAY)
    fields = {"workspace": workspace, "created_at": now - 100 * DAY, "created_by": "x"}
    clients = Client.objects.bulk_create(Client(client_id=f"client-{number:012}", name="n", **fields) for number in range(MAX))
    ClientActivity.objects.bulk_create(ClientActivity(client=client, workspace=workspace) for client in clients)
    with django_assert_num_queries(2):
        found = find_attention(workspace, now=now)
    assert found.is_more
    assert found.findings[0].client == first
