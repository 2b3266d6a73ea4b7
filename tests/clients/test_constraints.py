"""What the database itself refuses, for every writer."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from clients.models import (
    AddressUse,
    AuditEvent,
    Client,
    ClientActivity,
    ClientSecret,
    RecordedRequest,
    ResponseTime,
    Scope,
    ScopeUse,
    TokenCount,
    UsageBucket,
    UsageSummary,
    Workspace,
    WorkspaceUsage,
)
from tests.factories import create_client, create_workspace
from tests.kept_rows import kept


@pytest.fixture
def new(db):
    return kept(lambda: create_client(create_workspace("demo")))


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (Client, {"environment": "prod"}),
        (Client, {"status": "paused"}),
        (Client, {"token_lifetime": 59}),
        (Client, {"token_lifetime": 86401}),
        (Client, {"name": ""}),
        (ClientSecret, {"hash": "tos_live_in_clear"}),
        (ClientSecret, {"hash": "pbkdf2_sha256$1$a$b"}),
    ],
)
def test_value_out_of_range_is_refused(new, model, fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.update(**fields)


def test_secret_doesnt_end_before_it_begins(new):
    with pytest.raises(IntegrityError), transaction.atomic():
        ClientSecret.objects.update(expires_at=new.secret.created_at - timedelta(seconds=1))


def test_ids_and_names_are_unique(new, now):
    other = create_client(create_workspace("other"))
    for change in (
        lambda: Client.objects.filter(pk=other.secret.client.pk).update(client_id=new.secret.client.client_id),
        lambda: ClientSecret.objects.filter(pk=other.secret.pk).update(secret_id=new.secret.secret_id),
        lambda: Workspace.objects.filter(slug="other").update(slug="demo"),
        lambda: Scope.objects.create(workspace=new.secret.client.workspace, name="read"),
        lambda: [UsageBucket.objects.create(client=new.secret.client, endpoint="token", outcome="granted", hour=now, count=1) for _ in range(2)],
        lambda: [AddressUse.objects.create(client=new.secret.client, address="::1", day=now, count=1, last_used_at=now) for _ in range(2)],
        lambda: [ScopeUse.objects.create(client=new.secret.client, scope="read", day=now, granted=1, asked=1) for _ in range(2)],
        lambda: [TokenCount.objects.create(client=new.secret.client, credential="s", expires_at=now, count=1) for _ in range(2)],
        lambda: [ResponseTime.objects.create(slot=now, endpoint="token", limit_ms=1, is_failure=False, count=1) for _ in range(2)],
        lambda: [UsageSummary.objects.create(workspace=new.secret.client.workspace, period="7d", made_at=now) for _ in range(2)],
        lambda: ClientActivity.objects.create(client=new.secret.client, workspace=new.secret.client.workspace),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_every_row_has_a_readable_name(new, now):
    client = new.secret.client
    assert str(client) == f"billing-sync ({client.client_id})"
    assert str(client.workspace) == "demo"
    assert str(new.secret) == new.secret.secret_id
    assert str(AuditEvent.objects.first()) == f"secret.created {new.secret.secret_id}"
    bucket = UsageBucket(client=client, endpoint="token", outcome="granted", hour=now.replace(2026, 1, 2, 3, 0), count=4)
    assert str(bucket) == "2026-01-02 03:00 token granted: 4"
    assert str(RecordedRequest(request_id="abc", reason="unknown_client")) == "abc: unknown_client"
    assert str(RecordedRequest(request_id="abc")) == "abc: granted"
    assert str(AddressUse(day=bucket.hour.date(), address="::1", count=2)) == "2026-01-02 ::1: 2"
    assert str(ScopeUse(day=bucket.hour.date(), scope="read", granted=2)) == "2026-01-02 read: 2"
    assert str(TokenCount(credential="s", expires_at=bucket.hour, count=2)) == "s until 03:00: 2"
    assert str(WorkspaceUsage(endpoint="token", outcome="granted", hour=bucket.hour, count=4)) == "2026-01-02 03:00 token granted: 4"
    assert str(ClientActivity(client=client, granted_24h=3)) == f"{client.pk}: 3"
    assert str(UsageSummary(period="7d", environment="live")) == "7d live"
    assert str(ResponseTime(slot=bucket.hour, endpoint="token", limit_ms=5, count=9)) == "2026-01-02 03:00 token 5 ms: 9"
