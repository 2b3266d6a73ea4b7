"""Every event that services write has words, and what they say."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from clients.models import AuditEvent
from dashboard.audit import sentences
from dashboard.audit.words import WORDS, actions, words_of
from tests import factories

_NAME = re.compile(r'"([a-z_]+)\.([a-z_]+)"')
# First and second halves of what is written like an event and is none: loggers, modules, files, also those of a cgroup, messages of ASGI and WSGI.
_OTHERS = {"allauth", "memory", "asgi", "wsgi", "http", "lifespan", "tokenos", "django", "dashboard", "oauth", "clients", "audit_log"}
_ENDINGS = {"csv", "json", "pem", "env", "exe", "svg", "md", "toml", "py", "html", "txt", "urls", "settings", "server"}


def find_events():
    """The event names in the services' code."""
    root = Path(settings.BASE_DIR)
    for folder in ("clients/services", "oauth", "dashboard"):
        for file in (root / folder).rglob("*.py"):
            if "migrations" in file.parts or file.parts[-2:] == ("audit", "words.py"):
                continue
            for first, second in _NAME.findall(file.read_text()):
                if (first not in _OTHERS or f"{first}.{second}" in WORDS) and second not in _ENDINGS:
                    yield f"{first}.{second}"


def test_every_event_has_words_and_no_words_are_without_event():
    assert set(find_events()) == set(WORDS)


def test_an_event_without_words_is_shown_plainly():
    assert words_of("lease.taken_over") == "lease taken over"


def test_only_what_may_stand_in_the_log_can_be_chosen():
    assert ("secret.rotated", "Rotated secret") in actions()
    assert not [name for name, _ in actions() if name.startswith("user.")]


def describe(workspace, event, *, target=("workspace", "demo"), before=None, after=None, actor="user:1 ada@example.com", at=None):
    written = AuditEvent.objects.create(
        workspace=workspace,
        event=event,
        actor=actor,
        target_type=target[0],
        target_id=target[1],
        before=before or {},
        after=after or {},
        created_at=at or timezone.now(),
    )
    [row] = sentences.describe([written], workspace)
    return row


def say(row):
    changes = [f"{change.label}:-{'|'.join(change.removed)}:+{'|'.join(change.added)}" for change in row.changes]
    return " ".join(part for part in (row.act, row.thing, row.more, *changes, f"→ {row.target.text}" if row.target.text else "") if part)


AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
NEW, OLD = "7hQ2mB9x", "Kp4zR1uW"


def ends(**moments):
    return {"expires_at": moments}


@pytest.mark.parametrize(
    ("event", "fields", "said"),
    [
        ("client.changed", {"before": {"scopes": ["read"]}, "after": {"scopes": ["read", "write"]}}, "changed scopes :-:+write"),
        ("client.changed", {"before": {"scopes": ["a", "b"]}, "after": {"scopes": ["b", "a"]}}, "changed scopes :-a|b:+b|a"),
        (
            "client.changed",
            {"before": {"name": "a", "require_dpop": False}, "after": {"name": "b", "require_dpop": True}},
            "changed client name:-a:+b require dpop:-no:+yes",
        ),
        ("workspace.changed", {"before": {"max_token_lifetime": None}, "after": {"max_token_lifetime": 3600}}, "changed max token lifetime :-none:+3,600"),
        (
            "member.role_changed",
            {"before": {"role": "viewer"}, "after": {"role": "admin"}, "target": ("user", "user:9 jo@x.example")},
            "changed role :-viewer:+admin → jo@x.example",
        ),
        ("member.invited", {"after": {"role": "developer"}, "target": ("invitation", "jo@x.example")}, "invited as developer → jo@x.example"),
        (
            "secret.revoked",
            {"target": ("secret", OLD), "after": {"client_id": "c", "revoked_at": "x", "ended_tokens": 3}},
            f"revoked secret {OLD} and ended 3 tokens → c",
        ),
        (
            "secret.changed",
            {"target": ("secret", OLD), "before": {"expires_at": "2026-11-24T17:10:06.123456+00:00"}, "after": {"expires_at": "2026-11-25T17:10:06Z"}},
            f"changed the expiry of secret {OLD} :-2026-11-24 17:10 UTC:+2026-11-25 17:10 UTC → {OLD}",
        ),
        ("leak.checked", {"target": ("secret", OLD), "after": {"client_id": "c"}}, f"checked a pasted secret {OLD} → c"),
        ("leak.checked", {}, "checked pasted text and found nothing of this workspace"),
        ("leak.checked", {"after": {"found": 1}}, "checked pasted text and found 1 secret, token or ID of this workspace"),
        ("leak.checked", {"after": {"found": 1840}}, "checked pasted text and found 1,840 secrets, tokens or IDs of this workspace"),
        ("audit.exported", {"target": ("audit", "demo"), "after": {"format": "csv", "events": 1840}}, "exported audit events (1,840, CSV)"),
        ("hand_over.created", {"target": ("client", "c"), "after": {"recipient": "jo@x.example"}}, "made a hand-over link for jo@x.example → c"),
        ("client.deleted", {"target": ("client", "c"), "before": {"name": "crm-bridge"}}, "deleted client → crm-bridge"),
        ("scope.removed", {"target": ("scope", "read")}, "removed scope → read"),
        ("token.revoked", {"target": ("token", "jti-1")}, "revoked a token → jti-1"),
        (
            "token.more_revoked",
            {"target": ("client", "c"), "after": {"tokens": 1840, "since": "2026-11-24T17:00:00Z", "until": "2026-11-24T18:00:00Z"}},
            "revoked more of its tokens (1,840 from 2026-11-24 17:00 UTC on, within an hour) → c",
        ),
        ("lease.renewed", {}, "lease renewed"),
    ],
)
def test_what_an_event_says(demo, event, fields, said):
    assert say(describe(demo, event, **fields)) == said


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ((AT + timedelta(hours=24)).isoformat(), "with an overlap of 24 h"),
        (AT.isoformat(), "without overlap"),
        ("not a moment", ""),
        (None, ""),
    ],
)
def test_a_rotation_says_how_long_both_secrets_work(demo, end, said):
    row = describe(demo, "secret.rotated", target=("secret", NEW), before=ends(**{OLD: None}), after={"client_id": "c", **ends(**{NEW: None, OLD: end})}, at=AT)
    assert (row.more, row.changes[0].removed, row.changes[0].added) == (said, [OLD], [NEW])


def test_a_rotation_of_another_version_says_no_more_than_it_knows(demo):
    row = describe(demo, "secret.rotated", target=("secret", NEW), before={"expires_at": None}, after={"client_id": "c"})
    assert (row.more, row.changes[0].removed) == ("", [])


@pytest.mark.parametrize(
    ("actor", "name", "way"),
    [
        ("user:999999 gone@example.com", "gone@example.com", ""),
        ("system", "TokenOS", ""),
        ("anonymous", "Unknown", ""),
        ("command:root", "root", "by a command"),
        ("command:", "A command", "by a command"),
        ("client:gone", "gone", "through the API"),
        ("hand-over:3 jonas@example.com", "jonas@example.com", "without an account"),
        ("hand-over:3", "Somebody with the link", "without an account"),
        ("something else", "something else", ""),
    ],
)
def test_who_did_it(demo, actor, name, way):
    row = describe(demo, "client.created", target=("client", "c"), actor=actor)
    assert (row.who.name, row.more) == (name, way)


def test_people_and_clients_are_named_as_they_are_called_now(demo, ada):
    ada.name = "Ada Lovelace"
    ada.save(update_fields=["name"])
    client = factories.create_client(demo, name="ci-integration").secret.client
    row = describe(demo, "client.disabled", target=("client", client.client_id), actor=f"user:{ada.pk} old@example.com")
    assert (row.who.name, row.target.text) == ("Ada Lovelace", "ci-integration")
    row = describe(demo, "client.disabled", target=("client", client.client_id), actor=f"client:{client.client_id}")
    assert (row.who.name, row.who.client_id) == ("ci-integration", client.client_id)


def test_a_client_id_that_no_address_can_hold_leads_nowhere(demo):
    assert describe(demo, "client.created", target=("client", "a/b")).target.url == ""


def test_a_long_change_is_cut_and_counted(demo):
    before = {f"field_{number}": "x" * 200 for number in range(8)}
    row = describe(demo, "client.changed", before=before, after=dict.fromkeys(before, ""))
    assert (len(row.changes), row.more_changes, len(row.changes[0].removed[0])) == (5, 3, 80)


def test_days_are_those_of_the_readers_zone(demo):
    rows = [describe(demo, "client.created", at=AT.replace(hour=hour)) for hour in (23, 1)]
    days = sentences.group(rows, now=AT + timedelta(days=1), zone=UTC)
    assert [day.label for day in days] == ["Yesterday, Tuesday 24 November 2026"]
    assert sentences.group(rows, now=AT, zone=UTC)[0].label == "Today, Tuesday 24 November 2026"
    assert sentences.group(rows, now=AT + timedelta(days=9), zone=UTC)[0].label == "Tuesday 24 November 2026"
