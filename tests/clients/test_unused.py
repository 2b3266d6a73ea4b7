"""The system disables unused clients if their workspace says so, but never a new one."""

from datetime import timedelta

import pytest

from clients.models import AuditEvent, Client, ClientSecret, UsageBucket
from clients.services import clients
from clients.services.unused import disable_unused_clients, warn_of_disuse
from clients.services.workspaces import change_workspace
from tests.factories import TESTS, create_client, create_workspace

DAYS = 30


@pytest.fixture
def workspace(db, now):
    return change_workspace(workspace=create_workspace("demo"), disable_unused_after_days=DAYS, actor=TESTS, now=now)


def make(workspace, now, *, age=DAYS + 1, name="old"):
    return create_client(workspace, name=name, now=now - timedelta(days=age)).secret.client


def run(now):
    return sum(disable_unused_clients(now=now))


def test_unused_client_is_disabled_by_the_system_with_the_reason_and_refused_requests_and_old_use_are_no_use(workspace, now):
    """Other workspaces are left alone."""
    make(create_workspace("other"), now)
    client = make(workspace, now)
    ClientSecret.objects.filter(client=client).update(last_used_at=now - timedelta(days=DAYS, hours=1))
    UsageBucket.objects.create(client=client, endpoint="token", outcome="wrong_secret", hour=now, count=1)
    assert run(now) == 1
    assert Client.objects.get(status="disabled") == client
    event = AuditEvent.objects.first()
    assert (event.event, event.actor, event.target_id, event.workspace) == ("client.disabled", "system", client.client_id, workspace)
    assert (event.before, event.after) == ({"status": "enabled"}, {"status": "disabled", "reason": "unused for 30 days"})
    assert run(now) == 0


def test_client_that_is_used_new_or_newly_enabled_stays(workspace, now):
    make(workspace, now, age=DAYS - 1)
    by_secret, by_token, enabled = (make(workspace, now) for _ in range(3))
    ClientSecret.objects.filter(client=by_secret).update(last_used_at=now - timedelta(days=DAYS - 1))
    UsageBucket.objects.create(client=by_token, endpoint="api", outcome="granted", hour=now - timedelta(days=DAYS - 1), count=1)
    clients.disable_client(client=enabled, actor=TESTS, now=now - timedelta(days=20))
    clients.enable_client(client=enabled, actor=TESTS, now=now - timedelta(days=10))
    assert run(now) == 0
    assert set(Client.objects.values_list("status", flat=True)) == {"enabled"}


def test_more_clients_than_a_batch_are_disabled_in_several(workspace, now, monkeypatch):
    monkeypatch.setattr("clients.services.unused._BATCH", 2)
    for _ in range(5):
        make(workspace, now)
    assert list(disable_unused_clients(now=now)) == [2, 2, 1]


def test_nothing_is_disabled_where_usage_isnt_kept_for_so_long_or_the_workspace_has_no_such_policy(workspace, now, settings):
    make(workspace, now)
    settings.USAGE_RETENTION_DAYS, kept_for = DAYS - 1, settings.USAGE_RETENTION_DAYS
    assert run(now) == 0
    settings.USAGE_RETENTION_DAYS = kept_for
    workspace = change_workspace(workspace=workspace, disable_unused_after_days=None, actor=TESTS, now=now)
    assert run(now) == 0
    change_workspace(workspace=workspace, disable_unused_after_days=DAYS, actor=TESTS, now=now)
    assert run(now) == 1


class TestWarning:
    """A week before, or half of the time if that is shorter."""

    def test_a_client_is_warned_of_once_a_week_before(self, workspace, now):
        client = make(workspace, now, age=DAYS - 7 + 1)
        make(workspace, now, age=DAYS - 8)
        assert [sum(warn_of_disuse(now=now + timedelta(days=day))) for day in (0, 0.1, 0.5)] == [1, 0, 0]
        event = AuditEvent.objects.first()
        assert (event.event, event.actor, event.target_id, event.workspace) == ("client.disuse_warned", "system", client.client_id, workspace)
        assert event.after == {"disables_at": (now + timedelta(days=7)).isoformat()}
        assert Client.objects.filter(status="enabled").count() == 2

    def test_one_that_was_used_since_is_warned_of_again_the_next_time(self, workspace, now):
        client = make(workspace, now, age=DAYS - 7 + 1)
        assert sum(warn_of_disuse(now=now)) == 1
        ClientSecret.objects.filter(client=client).update(last_used_at=now + timedelta(days=1))
        later = now + timedelta(days=DAYS - 7 + 2)
        assert [sum(warn_of_disuse(now=later - timedelta(days=1, hours=1))), sum(warn_of_disuse(now=later))] == [0, 1]

    def test_a_client_that_was_warned_of_stays_enabled_as_long_as_was_promised(self, workspace, now):
        make(workspace, now, age=DAYS - 7 + 1)
        assert sum(warn_of_disuse(now=now)) == 1
        change_workspace(workspace=workspace, disable_unused_after_days=DAYS - 7, actor=TESTS, now=now)
        assert [run(now + timedelta(days=day)) for day in (0, 6.9, 7)] == [0, 0, 1]

    def test_a_longer_policy_warns_again_a_week_before(self, workspace, now):
        make(workspace, now, age=DAYS - 7 + 1)
        assert sum(warn_of_disuse(now=now)) == 1
        change_workspace(workspace=workspace, disable_unused_after_days=DAYS + 30, actor=TESTS, now=now)
        assert [sum(warn_of_disuse(now=now + timedelta(days=day))) for day in (20, 30)] == [0, 1]

    def test_a_policy_of_few_days_warns_after_half_of_them(self, workspace, now):
        change_workspace(workspace=workspace, disable_unused_after_days=7, actor=TESTS, now=now)
        make(workspace, now, age=5), make(workspace, now, age=3)
        assert sum(warn_of_disuse(now=now)) == 1
        assert AuditEvent.objects.first().after == {"disables_at": (now + timedelta(days=3)).isoformat()}

    def test_more_clients_than_a_batch_are_warned_of_in_several(self, workspace, now, monkeypatch):
        monkeypatch.setattr("clients.services.unused._BATCH", 2)
        for _ in range(3):
            make(workspace, now)
        assert list(warn_of_disuse(now=now)) == [2, 1]

    def test_nobody_is_warned_if_nothing_is_disabled(self, workspace, now, settings):
        make(workspace, now)
        settings.USAGE_RETENTION_DAYS = DAYS - 1
        assert sum(warn_of_disuse(now=now)) == 0
        change_workspace(workspace=workspace, disable_unused_after_days=None, actor=TESTS, now=now)
        assert sum(warn_of_disuse(now=now)) == 0
