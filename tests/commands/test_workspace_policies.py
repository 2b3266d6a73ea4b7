"""A workspace's policies apply to commands too: one line names the policy and who can change it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import AuditEvent, Client, ClientSecret, RecordedRequest, Workspace
from clients.services.deletion import GRACE_PERIOD, delete_workspace
from clients.services.workspaces import change_workspace
from tests.factories import TESTS, create_workspace

CREATE = ("create_client", "--workspace", "demo", "--name", "billing-sync")


@pytest.fixture
def demand(demo):
    return lambda **fields: change_workspace(workspace=demo, actor=TESTS, now=timezone.now(), **fields)


def life(secret):
    return None if secret.expires_at is None else secret.expires_at - secret.created_at


@pytest.mark.parametrize(
    ("fields", "arguments", "said"),
    [
        ({"allowed_auth_methods": ["private_key_jwt"]}, ["--auth-method", "client_secret_basic"], "demo doesn’t allow client_secret_basic. It allows private"),
        ({"allowed_auth_methods": ["private_key_jwt"]}, [], "Give the client a key, a certificate or a certificate subject."),
        ({"max_secret_lifetime_days": 90}, ["--secret-expires-in", "91d"], "demo allows at most 90d for secrets. Admins and owners"),
        ({"max_secret_lifetime_days": 90}, ["--secret-expires-in", "never"], "demo requires an expiry date for each secret. Choose a lifetime, for example"),
        ({"requires_secret_expiry": True}, [], "demo requires an expiry date for each secret."),
        ({"max_token_lifetime": 600}, ["--token-lifetime", "3600"], "demo allows at most 600 s."),
    ],
)  # fmt: skip
def test_create_client_refuses_what_the_workspace_forbids(refused, demand, fields, arguments, said):
    demand(**fields)
    assert said in refused(*CREATE, *arguments)


def test_what_nobody_says_is_as_the_workspace_has_it(command, demand):
    demand(default_secret_lifetime_days=90, max_token_lifetime=600, allowed_auth_methods=["client_secret_post"])
    result = command(*CREATE, "--json").json
    assert (result["auth_methods"], result["token_lifetime"]) == (["client_secret_post"], 600)
    assert life(ClientSecret.objects.get()) == timedelta(days=90)
    command("create_secret", result["client_id"])
    assert life(ClientSecret.objects.first()) == timedelta(days=90)
    command("create_secret", result["client_id"], "--expires-in", "never")
    assert life(ClientSecret.objects.first()) is None


@pytest.mark.parametrize("name", ["create_secret", "rotate_secret"])
def test_further_secrets_are_held_to_it(refused, billing, demand, name):
    demand(max_secret_lifetime_days=90)
    client_id = billing.secret.client.client_id
    assert "allows at most 90d for secrets" in refused(name, client_id, "--expires-in", "91d")
    assert "requires an expiry date" in refused(name, client_id, "--expires-in", "never")
    assert "isn't a duration" in refused(name, client_id, "--expires-in", "Never")


def test_rotation_gives_an_end_where_the_old_secret_had_none(command, billing, demand):
    demand(max_secret_lifetime_days=90)
    command("rotate_secret", billing.secret.client.client_id)
    assert life(ClientSecret.objects.first()) == timedelta(days=90)


def test_nothing_is_made_in_a_workspace_that_is_about_to_be_deleted(refused, demo):
    now = timezone.now()
    delete_workspace(workspace=demo, typed_slug="demo", actor=TESTS, now=now)
    assert f"demo will be deleted on {now + GRACE_PERIOD:%d %b %Y %H:%M} UTC." in refused(*CREATE)
    assert (Client.objects.count(), Workspace.objects.count()) == (0, 1)


def fail(workspace, days):
    at = timezone.now() - timedelta(days=days)
    RecordedRequest.objects.create(
        workspace=workspace, request_id=str(days), endpoint="token", status=401, error="invalid_client", reason="x", detail="x", created_at=at
    )


def change(workspace, days):
    at = timezone.now() - timedelta(days=days)
    AuditEvent.objects.create(workspace=workspace, event="x", actor="system", target_type="x", target_id=str(days), created_at=at)


def test_prune_keeps_for_each_workspace_what_it_wants_kept(command, demo, demand):
    demand(request_retention_days=100, audit_retention_days=800)
    other = create_workspace("other")
    for workspace in (demo, other, None):
        for days in (29, 50, 150):
            fail(workspace, days)
        for days in (399, 500, 900):
            change(workspace, days)
    counts = command("prune", "--json").json
    assert (counts["requests"], counts["audit_events"]) == (5, 5)
    assert sorted(RecordedRequest.objects.values_list("workspace__slug", "request_id"), key=str) == [
        ("demo", "29"), ("demo", "50"), ("other", "29"), (None, "29")
    ]  # fmt: skip
    assert sorted(AuditEvent.objects.filter(event="x").values_list("workspace__slug", "target_id"), key=str) == [
        ("demo", "399"), ("demo", "500"), ("other", "399"), (None, "399")
    ]  # fmt: skip


def test_prune_removes_sooner_where_a_workspace_wants_that(command, demo, demand, settings):
    settings.REQUEST_RETENTION_DAYS = 200
    demand(request_retention_days=30)
    fail(demo, 31)
    fail(None, 31)
    command("prune")
    assert RecordedRequest.objects.get().workspace is None
