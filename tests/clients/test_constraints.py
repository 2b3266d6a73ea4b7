"""What the database itself refuses, whoever writes."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from clients.models import AuditEvent, Client, ClientSecret, RecordedRequest, Scope, UsageBucket, Workspace
from tests.factories import create_client, create_workspace


@pytest.fixture
def new(db):
    return create_client(create_workspace("demo"))


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
