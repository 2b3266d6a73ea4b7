"""Ada owns kestrel, with people of every role, and Ben only views it; Olga administers the instance. Made by the services, in the server's database."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import connection
from django.utils import timezone

from clients.models import AddressUse, AuditEvent, Client, ClientSecret, UsageBucket, Workspace
from clients.periods import floor_hour
from clients.services.hand_overs import create_hand_over
from dashboard.models import Membership, User
from dashboard.people import accounts, passwords, second_factors
from tests import factories
from tests.browser.authenticator import one_time_code
from tests.browser.usage_cast import create_clients
from tests.dashboard.accounts.security_key import SecurityKey

NAMES = {"ada": "Ada Lovelace", "ben": "Ben Okafor", "mina": "Mina Okafor", "tom": "Tom Brandt", "olga": "Olga Sand"}


def create_people(names: list[str]) -> dict[str, User]:
    """Accounts <name>@example.com, all with the one password, which is hashed once: each hash takes a tenth of a second."""
    hashed = make_password(factories.PASSWORD)
    now = timezone.now()
    return {
        name: accounts.create_user(
            email=f"{name}@example.com", hashed_password=hashed, is_instance_admin=name.startswith("olga"), actor=factories.TESTS, now=now
        )
        for name in names
    }


def create_sessions(known: list[str]) -> dict[str, str]:
    """Sessions for everybody who has none yet, as after a sign-in with all factors."""
    return {user.email.partition("@")[0]: factories.create_session(user) for user in User.objects.all() if user.email.partition("@")[0] not in known}


def create_cast() -> dict[str, Any]:
    """The values that pages' addresses contain. Ada has a passkey that no browser here knows; Mina has one-time codes."""
    people = create_people(list(NAMES))
    for hours, (person, user) in enumerate(people.items(), start=2):
        user.name, user.last_login = NAMES[person], timezone.now() - timedelta(hours=hours)
        user.save(update_fields=["name", "last_login"])
    kestrel = factories.create_workspace("kestrel", owner="ada@example.com")
    kestrel.name = "Kestrel Parcel"
    kestrel.save(update_fields=["name"])
    roles = (("ben", Membership.Role.VIEWER), ("mina", Membership.Role.ADMIN), ("tom", Membership.Role.DEVELOPER))
    members = {person: factories.add_member(kestrel, people[person], role).pk for person, role in roles}
    now, by = timezone.now(), Membership.objects.get(workspace=kestrel, user=people["ada"])
    adas = second_factors.add_passkey(user=people["ada"], name="Laptop", credential=SecurityKey(rp_id="localhost").register(""), actor=factories.TESTS, now=now)
    secret = base64.b32encode(b"a secret of Mina's app").decode()
    second_factors.turn_on_one_time_codes(user=people["mina"], secret=secret, code=one_time_code(secret), actor=factories.TESTS, now=now)
    factories.invite(by, "lena@example.com", Membership.Role.DEVELOPER)
    named = create_clients(kestrel, now=now)
    begun = Client.objects.filter(workspace=kestrel).earliest("created_at").created_at
    made = {
        **named,
        "hand_over": _create_link(named["client"], "jonas@example.com"),
        "hand_over_to_take": _create_link(named["client"], ""),
        "hand_over_of_key": _create_link(named["key_client"], ""),
        "passkey": adas.factor.pk,
        "scope": kestrel.scopes.get(name="read").pk,
        "members": members,
        "invitation": factories.invite(by, "jonas@example.com").plaintext,
        "reset": passwords.make_reset_link(people["tom"]),
        "email": accounts.make_email_change_token(user=people["tom"], email="tom@example.org", actor=factories.TESTS, now=now),
    }
    _write_events_in_time_order(kestrel, begun=begun)
    return {**made, "event": kestrel.audit_events.get(event="secret.rotated").pk}


def _write_events_in_time_order(kestrel: Workspace, *, begun: datetime) -> None:
    """As if the workspace and its members existed before its first client, and each event had been written when it happened. The database's triggers don't
    allow that, so they are removed meanwhile.
    """
    with _without_triggers():
        _write_anew(kestrel, begun=begun)


@contextmanager
def _without_triggers() -> Iterator[None]:
    cursor = connection.cursor()
    if connection.vendor == "postgresql":
        cursor.execute("ALTER TABLE clients_auditevent DISABLE TRIGGER USER")
        yield
        cursor.execute("ALTER TABLE clients_auditevent ENABLE TRIGGER USER")
        return
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'clients_auditevent'")
    triggers = cursor.fetchall()
    for name, _ in triggers:
        cursor.execute(f"DROP TRIGGER {name}")
    yield
    for _, statement in triggers:
        cursor.execute(statement)


def _write_anew(kestrel: Workspace, *, begun: datetime) -> None:
    kestrel.audit_events.filter(event__in=("workspace.created", "member.added")).update(created_at=begun)
    events = sorted(kestrel.audit_events.order_by("pk"), key=lambda event: event.created_at)
    kestrel.audit_events.all().delete()
    for event in events:
        event.pk = None
    AuditEvent.objects.bulk_create(events)


def _create_link(client_id: str, recipient: str) -> str:
    """The token of a hand-over link."""
    client, now = Client.objects.select_related("workspace").get(client_id=client_id), timezone.now()
    made = create_hand_over(client=client, recipient=recipient, lifetime=timedelta(days=1), secret_lifetime=None, actor=factories.TESTS, now=now)
    return made.plaintext


def create_owners(names: list[str]) -> None:
    """Accounts that each own a workspace of their own name."""
    for name in create_people(names):
        factories.create_workspace(name, owner=f"{name}@example.com")


def create_old_client(owner: str) -> dict[str, str]:
    """A client in that owner's workspace: three years old, used every day, with 40 valid secrets, each used from its own address."""
    begun = timezone.now() - timedelta(days=3 * 365)
    client = factories.create_client(Workspace.objects.get(slug=owner), name="مرحبا <b>bold</b> & co", now=begun).secret.client
    for number in range(39):
        factories.create_secret(client, name=f"Region {number}", lifetime=timedelta(days=40 + number))
    secrets = list(ClientSecret.objects.filter(client=client))
    days = [begun + timedelta(days=number) for number in range(3 * 365 + 1)]
    UsageBucket.objects.bulk_create(
        UsageBucket(client=client, credential=secrets[number % 40].secret_id, endpoint="token", outcome="granted", hour=floor_hour(day), count=400 + number)
        for number, day in enumerate(days)
    )
    AddressUse.objects.bulk_create(
        AddressUse(client=client, credential=secret.secret_id, address=f"203.0.113.{number}", day=days[-1].date(), count=9, last_used_at=days[-1])
        for number, secret in enumerate(secrets)
    )
    return {"client": client.client_id, "secret": secrets[0].secret_id}
