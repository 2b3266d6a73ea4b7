"""Exporting audit events, as CSV and as JSON lines."""

import csv
import json
from io import StringIO

import pytest
from django.utils import timezone

from clients.models import AuditEvent
from clients.services.audit_export import record_export
from dashboard.audit import exports
from dashboard.people import quotas
from tests import factories
from tests.dashboard.conftest import text_of

CSV, JSON = "/w/demo/audit.csv", "/w/demo/audit.json"


def body(response):
    return b"".join(response.streaming_content).decode()


def test_csv_has_a_header_and_an_event_a_row_whatever_their_number_and_formulas_are_defused(adas, demo, monkeypatch):
    """They are read in parts."""
    monkeypatch.setattr(exports, "_CHUNK", 3)
    client = factories.create_client(demo).secret.client
    fields = {"workspace": demo, "event": "x.y", "actor": "=HYPERLINK(1)", "target_type": "user", "target_id": "@x", "created_at": timezone.now()}
    AuditEvent.objects.bulk_create(AuditEvent(**fields) for _ in range(10))
    response = adas.post(CSV)
    rows = list(csv.DictReader(StringIO(body(response))))
    assert response["Content-Disposition"] == f'attachment; filename="audit-{timezone.now():%Y-%m-%d}.csv"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    created = next(row for row in rows if row["event"] == "client.created")
    assert created["target_id"] == client.client_id
    assert json.loads(created["after"])["name"] == "billing-sync"
    assert [(row["actor"], row["target_id"]) for row in rows if row["event"] == "x.y"] == [("'=HYPERLINK(1)", "'@x")] * 10


def test_json_lines_have_an_event_of_this_workspace_a_line(adas, demo, other):
    factories.create_client(demo)
    factories.create_client(other, name="theirs")
    lines = [json.loads(line) for line in body(adas.post(JSON, {"period": "all"})).splitlines()]
    assert [line["id"] for line in lines] == sorted((line["id"] for line in lines), reverse=True)
    assert lines[0].keys() == {"id", "created_at", "event", "actor", "address", "request_id", "target_type", "target_id", "before", "after"}
    assert [line["event"] for line in lines].count("client.created") == 1


def test_the_filters_hold_and_who_took_what_is_written_down_and_no_part_of_it(adas, demo, ada):
    factories.create_client(demo)
    lines = body(adas.post(JSON, {"action": "client.created", "period": "all"})).splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["client.created"]
    event = AuditEvent.objects.get(event="audit.exported")
    assert event.actor == ada.audit_name
    assert event.after == {"format": "json", "events": 1, "filters": {"action": "client.created", "period": "all"}}
    assert "exported audit events (1, JSON)" in text_of(adas.get("/w/demo/audit/"))


def test_one_person_cannot_fill_the_log_by_exporting_it(adas, demo, monkeypatch):
    """Each export is a permanent event."""
    monkeypatch.setattr(quotas, "MAX_EXPORTS", 2)
    for path in (CSV, JSON):
        assert adas.post(path).streaming
    refused = adas.post(JSON, {"action": "client.created"}, follow=True)
    assert refused.redirect_chain == [("/w/demo/audit/", 302)]
    assert "Too many exports. Wait 60 min and try again." in text_of(refused)
    assert AuditEvent.objects.filter(event="audit.exported").count() == 2


def test_a_secret_among_the_filters_is_recorded_nowhere(adas, demo):
    answer = adas.post(CSV, {"q": factories.create_client(demo).plaintext, "period": "all"})
    assert (answer.status_code, answer["Location"]) == (302, "/w/demo/audit/?period=all")
    assert not AuditEvent.objects.filter(event="audit.exported").exists()


def test_an_unreadable_filter_is_ignored_and_recorded_nowhere(adas, demo):
    factories.create_client(demo)
    assert adas.post(CSV, {"q": "a\0", "address": "nowhere", "action": "client.created", "until": "x"}).status_code == 200
    assert AuditEvent.objects.get(event="audit.exported").after["filters"] == {"action": "client.created"}


def test_the_address_of_an_export_leads_to_the_page_with_its_filters(adas):
    assert adas.get(f"{CSV}?q=x&after=3")["Location"] == "/w/demo/audit/?q=x"
    assert not AuditEvent.objects.filter(event="audit.exported").exists()


def test_it_asks_for_a_proof_and_then_goes_on(adas, demo):
    session = adas.session
    session["account_authentication_methods"] = [{**method, "at": 0} for method in session["account_authentication_methods"]]
    session.save()
    response = adas.post(CSV, {"action": "client.created"})
    assert response["Location"].startswith("/accounts/confirm/?next=")
    answered = adas.post(response["Location"], {"password": factories.PASSWORD})
    assert answered["Content-Type"] == "text/csv; charset=utf-8"
    assert AuditEvent.objects.get(event="audit.exported").after["filters"] == {"action": "client.created"}


@pytest.mark.parametrize("page", [CSV, JSON])
def test_developers_and_viewers_cant(bens, page):
    assert bens.post(page).status_code == 403


def test_long_filters_are_written_down_cut(demo):
    event = record_export(workspace=demo, kind="csv", filters={"q": "x" * 999}, events=0, actor=factories.TESTS, now=timezone.now())
    assert len(event.after["filters"]["q"]) == 254
