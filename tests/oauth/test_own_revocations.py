"""POST /oauth2/revoke for many tokens: what the audit log keeps, which nobody can clear for over a year."""

import itertools
from datetime import timedelta

import jwt
import pytest

from clients.models import AuditEvent
from clients.moment import iso
from oauth import own_revocations, services
from oauth.models import FailureCount, RevokedToken
from oauth.own_revocations import MAX_REVOKED
from tests import factories
from tests.oauth.doors import bearer

# Instead of 100.
MAX = 3


@pytest.fixture(autouse=True)
def _few_are_listed(monkeypatch):
    monkeypatch.setattr(own_revocations, "MAX", MAX)


@pytest.fixture
def revoke(billing, now):
    """Let the client, or somebody else, revoke that many tokens."""
    numbers = itertools.count()

    def revoke(times, *, program=billing, actor=None, at=now):
        by = actor or services.Actor(f"client:{program.client_id}")
        for number in itertools.islice(numbers, times):
            ends = at + timedelta(hours=1)
            services.revoke_token(client=program.client, credential=program.secret_id, jti=f"jti-{number}", expires_at=ends, actor=by, now=at)

    return revoke


def listed(**fields):
    return AuditEvent.objects.filter(event="token.revoked", **fields).count()


def test_a_client_that_keeps_revoking_writes_a_limited_number_of_events_and_every_token_stops_working(send, billing, token, revoke):
    revoke(MAX)
    assert send.post("/oauth2/revoke", {"token": token}, billing.basic).status == 200
    assert send.get("/api/v1/whoami", bearer(token)).status == 401
    assert RevokedToken.objects.filter(jti=jwt.decode(token, options={"verify_signature": False})["jti"]).exists()
    assert (listed(), RevokedToken.objects.count()) == (MAX, MAX + 1)


def test_the_rest_is_counted_by_one_event_when_the_hour_is_over_and_of_few_there_is_none(billing, eves, revoke, now):
    hour = now.replace(minute=0, second=0, microsecond=0)
    revoke(MAX + 7, at=hour)
    revoke(MAX, program=eves, at=hour)
    services.prune(now=hour + timedelta(minutes=59))
    assert not AuditEvent.objects.filter(event="token.more_revoked").exists()
    for _ in range(2):
        services.prune(now=hour + timedelta(hours=1, seconds=1))
    event = AuditEvent.objects.get(event="token.more_revoked")
    assert event.after == {"tokens": 7, "since": iso(hour), "until": iso(hour + timedelta(hours=1))}
    assert (event.actor, event.workspace) == (f"client:{billing.client_id}", billing.client.workspace)
    assert (event.target_type, event.target_id) == ("client", billing.client_id)
    assert not FailureCount.objects.filter(key__startswith="own revocations").exists()


def test_other_clients_people_and_the_next_hour_are_listed_nevertheless(billing, eves, revoke, now):
    revoke(MAX + 1)
    revoke(1, program=eves)
    revoke(2, actor=factories.TESTS)
    assert (listed(workspace=eves.client.workspace), listed(actor=factories.TESTS.name)) == (1, 2)
    revoke(1, at=now + timedelta(hours=1))
    assert listed(workspace=billing.client.workspace) == MAX + 2 + 1


def test_of_a_client_that_is_gone_nothing_is_counted(billing, revoke, now):
    revoke(MAX + 1)
    RevokedToken.objects.all().delete()
    billing.client.delete()
    services.prune(now=now + timedelta(hours=2))
    assert not AuditEvent.objects.filter(event="token.more_revoked").exists()
    assert not FailureCount.objects.filter(key__startswith="own revocations").exists()


@pytest.mark.rfc("7009", "2.2.1")
def test_a_client_that_fills_the_table_is_told_to_wait_and_that_its_token_lives(send, billing, eves, token, now):
    """Each is a row for the token's lifetime and a week. 503 says that the token may still be valid."""
    others = send.token(eves.basic).json()["access_token"]
    hour = int(now.timestamp()) // 3600
    FailureCount.objects.create(key=f"own revocations {hour} {billing.client.pk}", failures=MAX_REVOKED, window_ends=(hour + 1) * 3600)
    refused = send.post("/oauth2/revoke", {"token": token}, billing.basic)
    assert refused.error == (503, "temporarily_unavailable")
    assert int(refused.headers["retry-after"]) > 0
    assert send.get("/api/v1/whoami", bearer(token)).status == 200
    assert send.post("/oauth2/revoke", {"token": others}, eves.basic).status == 200
    assert send.get("/api/v1/whoami", bearer(others)).status == 401
