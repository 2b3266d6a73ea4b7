"""What the server does for workspaces by itself: disabling unused clients, removing deleted workspaces. One process of the installation does it hourly."""

from datetime import timedelta

from django.utils import timezone

from clients.models import Client, Workspace
from clients.services.deletion import GRACE_PERIOD, delete_workspace
from clients.services.workspaces import change_workspace
from dashboard.background import schedule
from dashboard.models import ScheduledJob
from tests.factories import TESTS, create_client


def test_unused_clients_are_disabled_once_an_hour(demo):
    now = timezone.now()
    change_workspace(workspace=demo, disable_unused_after_days=30, actor=TESTS, now=now)
    create_client(demo, now=now - timedelta(days=31))
    schedule.disable_unused_clients_if_due()
    assert Client.objects.get().status == "disabled"
    create_client(demo, now=now - timedelta(days=31))
    schedule.disable_unused_clients_if_due()
    assert Client.objects.filter(status="enabled").count() == 1
    ScheduledJob.objects.update(next_run_at=now)
    schedule.disable_unused_clients_if_due()
    assert Client.objects.filter(status="enabled").count() == 0


def test_stopping_server_leaves_the_rest_for_the_next_time(demo, monkeypatch):
    now = timezone.now()
    change_workspace(workspace=demo, disable_unused_after_days=30, actor=TESTS, now=now)
    for _ in range(3):
        create_client(demo, now=now - timedelta(days=31))
    monkeypatch.setattr("clients.services.unused._BATCH", 1)
    monkeypatch.setattr(schedule._stopping, "is_set", lambda: True)
    schedule.disable_unused_clients_if_due()
    assert Client.objects.filter(status="disabled").count() == 1


def test_deleted_workspace_is_removed_after_its_time(demo, other):
    now = timezone.now()
    delete_workspace(workspace=demo, typed_slug="demo", actor=TESTS, now=now)
    schedule.remove_deleted_workspaces_if_due()
    assert Workspace.objects.count() == 2
    Workspace.objects.filter(pk=demo.pk).update(deletes_at=now - GRACE_PERIOD)
    ScheduledJob.objects.update(next_run_at=now)
    schedule.remove_deleted_workspaces_if_due()
    assert Workspace.objects.get() == other


def test_administrator_finds_the_events_of_a_removed_workspace(admin, demo):
    now = timezone.now()
    delete_workspace(workspace=demo, typed_slug="demo", actor=TESTS, now=now - GRACE_PERIOD)
    schedule.remove_deleted_workspaces_if_due()
    page = admin.get("/admin/clients/auditevent/", {"q": "demo"}).content.decode()
    assert "demo (removed)" in page
    assert "workspace.removed" in page
