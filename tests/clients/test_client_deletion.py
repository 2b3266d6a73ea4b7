"""delete_client: an unused client is removed for good, and its audit events stay."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from clients.models import AddressUse, AuditEvent, Client, ClientActivity, ClientSecret, RecordedRequest, ScopeUse, TokenCount, UsageBucket
from clients.services import client_deletion
from clients.services.client_deletion import delete_client, is_deletable
from clients.services.clients import disable_client, enable_client
from tests import factories
from tests.factories import TESTS


@pytest.fixture
def client(billing):
    return billing.secret.client


def count_use(client, *, at, count=1):
    UsageBucket.objects.create(client=client, endpoint="token", outcome="granted", hour=at.replace(minute=0, second=0, microsecond=0), count=count)


def delete(client, now, *, typed_name="billing-sync"):
    delete_client(client=client, typed_name=typed_name, actor=TESTS, now=now)


def test_never_used_or_long_unused_one_can_go_and_refused_requests_are_no_use(client, now):
    assert is_deletable(client, now=now)
    count_use(client, at=now - timedelta(days=31))
    UsageBucket.objects.create(client=client, endpoint="token", outcome="bad_checksum", hour=now.replace(minute=0, second=0, microsecond=0), count=9)
    assert is_deletable(client, now=now)


@pytest.mark.parametrize("trace", ["usage", "secret", "activity"])
def test_any_use_within_30_days_keeps_it(client, billing, now, trace):
    at = now - timedelta(days=29)
    if trace == "usage":
        count_use(client, at=at)
    elif trace == "secret":
        ClientSecret.objects.update(last_used_at=at)
    else:
        ClientActivity.objects.update_or_create(client=client, defaults={"workspace": client.workspace, "last_used_at": at})
    assert not is_deletable(client, now=now)
    with pytest.raises(ValidationError, match="Disable it first") as refusal:
        delete(client, now)
    assert refusal.value.code == "in_use"
    assert Client.objects.get().status == "enabled"


def test_used_one_can_go_after_24_hours_of_being_disabled_since_the_last_time(client, now):
    count_use(client, at=now)
    disabled = disable_client(client=client, actor=TESTS, now=now - timedelta(days=3))
    assert is_deletable(disabled, now=now)
    enable_client(client=client, actor=TESTS, now=now - timedelta(days=2))
    disabled = disable_client(client=client, actor=TESTS, now=now - timedelta(hours=23))
    assert not is_deletable(disabled, now=now)
    assert is_deletable(disabled, now=now + timedelta(hours=1))


def test_one_disabled_longer_ago_than_the_audit_log_reaches_can_go(client, now):
    count_use(client, at=now)
    disabled = disable_client(client=client, actor=TESTS, now=now)
    AuditEvent.objects.all().delete()
    assert is_deletable(disabled, now=now)


def test_all_of_it_goes_in_batches_and_nothing_of_others(client, demo, billing, now, monkeypatch):
    monkeypatch.setattr("clients.services.retention._BATCH", 2)
    bystander = factories.create_client(demo, name="bystander").secret.client
    for of in (client, bystander):
        for days in range(40, 45):
            at = now - timedelta(days=days)
            count_use(of, at=at)
            AddressUse.objects.create(client=of, credential="x", address="203.0.113.7", day=at.date(), count=1, last_used_at=at)
            ScopeUse.objects.create(client=of, scope="read", day=at.date(), granted=1, asked=1)
            TokenCount.objects.create(client=of, credential="x", expires_at=at, count=1)
            RecordedRequest.objects.create(client=of, workspace=demo, request_id="x", endpoint="token", status=200, created_at=at)
    delete(client, now)
    assert Client.objects.get() == bystander
    assert ClientSecret.objects.get().client == bystander
    for rows in (UsageBucket, AddressUse, ScopeUse, TokenCount, RecordedRequest):
        assert set(rows.objects.values_list("client", flat=True)) == {bystander.pk}
        assert rows.objects.count() == 5
    event = AuditEvent.objects.get(event="client.deleted")
    assert (event.workspace, event.target_type, event.target_id) == (demo, "client", client.client_id)
    assert event.before["secrets"] == [billing.secret.secret_id]
    assert (event.before["public_keys"], event.before["certificates"]) == ([], [])
    assert list(AuditEvent.objects.filter(target_id=client.client_id).values_list("event", flat=True)) == [
        "client.deleted",
        "client.disabled",
        "client.created",
    ]


def test_what_was_enabled_while_its_usage_went_is_kept(client, now, monkeypatch):
    delete_in_batches = client_deletion.delete_in_batches

    def be_enabled(rows):
        enable_client(client=client, actor=TESTS, now=now)
        return delete_in_batches(rows)

    monkeypatch.setattr(client_deletion, "delete_in_batches", be_enabled)
    with pytest.raises(ValidationError, match="Somebody has enabled billing-sync in the meantime"):
        delete(client, now)
    assert Client.objects.get().status == "enabled"
    assert not AuditEvent.objects.filter(event="client.deleted").exists()


def test_an_interrupted_deletion_is_repeated(client, now, monkeypatch):
    def break_off(rows):
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(client_deletion, "delete_in_batches", break_off)
        with pytest.raises(ConnectionError):
            delete(client, now)
    assert Client.objects.get().status == "disabled"
    delete(client, now)
    assert not Client.objects.exists()


def test_name_has_to_be_typed_exactly_and_the_client_has_to_be_there(client, now):
    with pytest.raises(ValidationError, match=r"Type billing-sync exactly\. You typed Billing"):
        delete(client, now, typed_name="Billing")
    delete(client, now)
    with pytest.raises(ValidationError, match="no longer exists"):
        delete(client, now)
