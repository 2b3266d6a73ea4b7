"""/w/<workspace>/settings/retention/: owners set how long data is kept, and see what would be deleted before they save."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import AuditEvent, RecordedRequest, Workspace
from tests.dashboard.conftest import text_of
from tests.dashboard.settings.conftest import SETTINGS, changes, entries

RETENTION = SETTINGS + "retention/"


@pytest.fixture
def rows(demo, other):
    now = timezone.now()
    for workspace in (demo, other):
        for days in (10, 50, 60):
            at = now - timedelta(days=days)
            RecordedRequest.objects.create(
                workspace=workspace, request_id="r", endpoint="token", status=401, error="invalid_client", reason="x", detail="x", created_at=at
            )
        AuditEvent.objects.create(workspace=workspace, event="x", actor="system", target_type="x", target_id="x", created_at=now - timedelta(days=500))


def test_effect_is_shown_in_rows_before_anything_is_saved(adas, rows):
    response = adas.post(RETENTION, {"request_retention_days": "30", "audit_retention_days": "450"})
    page = text_of(adas.get(response["Location"]))
    assert "2 requests will be deleted Older than 30 days" in page
    assert "1 audit event will be deleted Older than 450 days" in page
    assert not changes()
    saved = adas.post(RETENTION + "preview/", entries(adas, response["Location"]), follow=True)
    assert "Saved." in text_of(saved)
    demo = Workspace.objects.get(slug="demo")
    assert (demo.request_retention_days, demo.audit_retention_days) == (30, 450)
    assert changes() == [({"request_retention_days": None, "audit_retention_days": None}, {"request_retention_days": 30, "audit_retention_days": 450})]
    assert RecordedRequest.objects.count() == 6


def test_empty_is_as_the_instance_has_it(adas, demo):
    response = adas.post(RETENTION, {"request_retention_days": "", "audit_retention_days": ""})
    assert "Older than 400 days" in text_of(adas.get(response["Location"]))
    assert "30 days, the instance’s default" in text_of(adas.get(RETENTION))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request_retention_days", "29"),
        ("request_retention_days", "401"),
        ("audit_retention_days", "399"),
        ("audit_retention_days", "forever"),
        ("audit_retention_days", "9" * 100_000),
        ("audit_retention_days", "\0"),
    ],
)
def test_days_out_of_range_are_refused(adas, demo, field, value):
    for path in (RETENTION, RETENTION + "preview/"):
        page = adas.post(path, {field: value})
        assert page.status_code == 200
        assert "Enter a whole number of days from" in text_of(page)
    assert not changes()


@pytest.mark.long
def test_admins_and_viewers_look_only(dans, bens, demo):
    for browser in (dans, bens):
        page = text_of(browser.get(RETENTION))
        assert "Requests, and why they were refused 30 days" in page
        assert "ada@example.com can change how long things are kept." in page
        assert browser.post(RETENTION, {"audit_retention_days": "450"}).status_code == 403
        assert browser.get(RETENTION + "preview/").status_code == 403
        assert browser.post(RETENTION + "preview/", {"audit_retention_days": "450"}).status_code == 403
    assert not changes()
