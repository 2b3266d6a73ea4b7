"""The audit log of a workspace: its sentences, filters and pages."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients.models import AuditEvent
from clients.services import clients, rotation
from clients.services.audit import Actor
from clients.services.client_deletion import delete_client
from dashboard.audit import events as audit_events
from tests import factories
from tests.dashboard.conftest import create_certificate, create_public_key, text_of
from tests.kept_rows import kept

PAGE = "/w/demo/audit/"


@pytest.fixture
def client(demo):
    return kept(lambda: factories.create_client(demo).secret.client)


def record(workspace, event="client.changed", *, actor="user:1 ada@example.com", target=("client", "x"), days=0, address=None, request_id="", **fields):
    return AuditEvent.objects.create(
        workspace=workspace,
        event=event,
        actor=actor,
        target_type=target[0],
        target_id=target[1],
        address=address,
        request_id=request_id,
        created_at=timezone.now() - timedelta(days=days),
        **fields,
    )


def events(response):
    """The IDs of the events that a page shows."""
    found = re.findall(r"/audit/(\d+)/\"", response.content.decode())
    return [int(pk) for pk in found]


def find(browser, query):
    return events(browser.get(f"{PAGE}?{query}"))


def test_a_row_says_who_did_what_to_what_from_where_and_why(adas, client, ada, other):
    """Events of other workspaces and of the instance are not there."""
    actor = Actor(ada.audit_name, "203.0.113.5", "request-1")
    clients.disable_client(client=client, actor=actor, now=timezone.now())
    record(client.workspace, "secret.revoked", target=("secret", "Zt8wQ0aL"), after={"client_id": client.client_id, "reason": "Pasted in a <b>ticket</b>"})
    theirs, instance = record(other), record(None)
    page = adas.get(PAGE)
    text = text_of(page)
    assert re.search(r"\d\d:\d\d:\d\d \w\w ada@example\.com disabled client billing-sync billing-sync 203\.0\.113\.5 Open event", text)
    assert re.search(r"Today, \w+ \d+ \w+ 20\d\d", text)
    assert "Reason: “<bdi>Pasted in a &lt;b&gt;ticket&lt;/b&gt;</bdi>”" in page.content.decode()
    assert AuditEvent.objects.get(event="client.disabled").pk in events(page)
    assert not {theirs.pk, instance.pk} & set(events(page))


def test_it_says_how_long_events_are_kept(adas, demo):
    assert "Kept for 400 days. Nobody can edit or delete an event." in text_of(adas.get(PAGE))
    demo.audit_retention_days = 800
    demo.save(update_fields=["audit_retention_days"])
    assert "Kept for 800 days." in text_of(adas.get(PAGE))


def test_a_row_has_the_whole_sentence_for_phones(adas, ada, client):
    of_client = {"after": {"client_id": client.client_id}}
    record(client.workspace, "client.changed", target=("client", client.client_id), before={"scopes": ["read"]}, after={"scopes": []})
    record(client.workspace, "secret.revoked", target=("secret", "Zt8wQ0aL"), **of_client)
    record(client.workspace, "hand_over.created", target=("client", client.client_id), **of_client)
    record(client.workspace, "member.role_changed", target=("user", ada.audit_name))
    text = text_of(adas.get(PAGE))
    for said in (
        "created client billing-sync",
        "changed scopes of billing-sync",
        "revoked secret Zt8wQ0aL of billing-sync",
        "made a hand-over link of billing-sync",
        "changed role of ada@example.com",
    ):
        assert said in text


class TestFilters:
    @pytest.fixture(autouse=True)
    def _empty(self, demo, adas):  # noqa: ARG002  # whose sign-in is an event
        AuditEvent.objects.filter(workspace=demo).delete()

    def test_events_are_filtered_by_period(self, adas, demo):
        for days in (0, 5, 20, 200):
            record(demo, days=days)
        for period, count in {"24h": 1, "7d": 2, "30d": 3, "all": 4, "": 2, "nonsense": 2}.items():
            assert len(find(adas, f"period={period}")) == count, period

    def test_events_are_filtered_by_dates_in_the_readers_zone(self, adas, demo):
        made = [record(demo, days=days) for days in (0, 5, 20)]
        day = f"{timezone.now() - timedelta(days=5):%Y-%m-%d}"
        assert find(adas, f"period=dates&since={day}&until={day}") == [made[1].pk]
        assert find(adas, f"period=dates&since={day}") == [made[1].pk, made[0].pk]
        assert find(adas, f"period=dates&until={day}") == [made[2].pk, made[1].pk]
        assert len(find(adas, "period=dates")) == 3
        for query in ("since=2026-02-31", "since=2026-11-24&until=2026-11-23", "until=x"):
            response = adas.get(f"{PAGE}?period=dates&{query}")
            assert "<title>Error: Audit log" in response.content.decode()
            assert response.status_code == 200
        # Before what is kept, it says that events are gone.
        assert "Events before" in text_of(adas.get(f"{PAGE}?period=dates&since=2020-01-01"))
        assert "Events before" not in text_of(adas.get(f"{PAGE}?period=30d"))

    @pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Midway"])
    @pytest.mark.parametrize("query", ["since=0001-01-01", "until=9999-12-31", "since=0001-01-01&until=9999-12-31"])
    def test_all_days_of_the_calendar_are_far_enough(self, adas, demo, zone, query):
        made = [record(demo, days=days) for days in (0, 300)]
        adas.cookies["__Host-zone"] = zone
        assert find(adas, f"period=dates&{query}") == [made[1].pk, made[0].pk]
        assert find(adas, "period=dates&since=9999-12-31") == find(adas, "period=dates&until=0001-01-01") == []

    @pytest.mark.long
    def test_by_person_kind_action_address_and_text(self, adas, demo):
        """A person is found whatever their address was."""
        assert "No events in the last 7 days. Show all" in text_of(adas.get(PAGE))
        record(demo, actor="user:77 client:@example.com", address="192.0.2.70")
        record(demo, actor="client:abcd")
        found = {
            "person=user:7": [record(demo, actor="user:7 ada@example.com"), record(demo, actor="user:7 lovelace@example.com")],
            "person=system": [record(demo, actor="system")],
            "person=command": [record(demo, actor="command:root")],
            "person=hand-over": [record(demo, actor="hand-over:3 x")],
            "person=client:abc": [record(demo, actor="client:abc")],
            "action=scope.created": [record(demo, "scope.created")],
            "q=7hQ2mB9x": [record(demo, target=("secret", "7hQ2mB9x"))],
            "q=request-17": [record(demo, request_id="request-17")],
            "q=jonas@example.com": [record(demo, target=("invitation", "jonas@example.com"))],
            # Deletions that named no credentials.
            "client=c": [record(demo, "client.deleted", target=("client", "c"))],
            "client=d": [record(demo, "client.deleted", target=("client", "d"), before={"name": "crm-bridge", "secrets": 2})],
        }
        found["address=192.0.2.7"] = found["q=192.0.2.7"] = [record(demo, address="192.0.2.7")]
        for query, rows in found.items():
            assert find(adas, query) == [row.pk for row in rows[::-1]], query
        assert len(find(adas, "person=client")) == 2
        assert "300.1.1.1 isn’t an IP address." in text_of(adas.get(f"{PAGE}?address=300.1.1.1"))
        assert adas.get(f"{PAGE}?q=%00&person=%00&client=%00&address=%00").status_code == 200
        assert "No matching events in the last 7 days. Clear filters" in text_of(adas.get(f"{PAGE}?q=billng"))

    def test_filtering_by_client_includes_its_credentials(self, adas, demo):
        client = factories.create_client(demo, auth_methods=["client_secret_basic", "private_key_jwt", "self_signed_tls_client_auth"]).secret.client
        rotation.rotate_secret(client=client, actor=factories.TESTS, now=timezone.now())
        create_public_key(client, kid="laptop")
        create_certificate(client)
        factories.create_client(demo, name="another")
        # Another client's key of the same name.
        record(demo, "public_key.added", target=("public_key", "laptop"), after={"client_id": "another"})
        names = AuditEvent.objects.in_bulk(find(adas, f"client={client.client_id}"))
        assert sorted(event.event for event in names.values()) == [
            "certificate.added",
            "client.created",
            "public_key.added",
            "secret.created",
            "secret.rotated",
        ]

    def test_filtering_by_a_deleted_client_includes_its_credentials(self, adas, demo):
        client = factories.create_client(demo, auth_methods=["client_secret_basic", "private_key_jwt", "self_signed_tls_client_auth"]).secret.client
        create_public_key(client, kid="laptop")
        create_certificate(client)
        delete_client(client=client, typed_name=client.name, actor=factories.TESTS, now=timezone.now())
        record(demo, "public_key.added", target=("public_key", "laptop"), after={"client_id": "another"})
        for query in (f"q={client.client_id}", f"client={client.client_id}"):
            page = adas.get(f"{PAGE}?{query}")
            found = AuditEvent.objects.in_bulk(events(page))
            assert sorted(event.event for event in found.values()) == [
                "certificate.added",
                "client.created",
                "client.deleted",
                "client.disabled",
                "public_key.added",
                "secret.created",
            ]
        assert "Client: billing-sync" in page.content.decode()

    def test_by_a_part_of_a_clients_name_and_a_persons_address_and_each_filter_can_be_taken_away(self, adas, demo, ben):
        client = factories.create_client(demo, name="Billing-Sync").secret.client
        found = [record(demo, actor=ben.audit_name), record(demo, "member.added", target=("user", ben.audit_name))]
        assert {AuditEvent.objects.get(pk=pk).after.get("client_id", client.client_id) for pk in find(adas, "q=billing")} == {client.client_id}
        assert find(adas, "q=Ben@example.com") == [event.pk for event in found[::-1]]
        html = adas.get(f"{PAGE}?client={client.client_id}&q=x&period=30d").content.decode()
        assert f'href="?client={client.client_id}&amp;period=30d"' in html
        assert 'href="?q=x&amp;period=30d"' in html
        assert "Client: Billing-Sync" in html

    @pytest.mark.parametrize("name", ["q", "person", "action", "client", "address"])
    def test_a_secret_is_neither_searched_for_nor_shown_nor_kept_in_the_address(self, adas, demo, name):
        plaintext = factories.create_client(demo).plaintext
        answer = adas.get(f"{PAGE}?{name}={plaintext}&period=30d")
        assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}?period=30d")
        page = adas.get(answer["Location"])
        assert "That looks like a secret, so we didn’t search for it." in text_of(page)
        assert plaintext not in page.content.decode()


@pytest.mark.long
def test_pages_go_from_the_newest_to_the_oldest_and_back(adas, demo, monkeypatch):
    """They keep the filters, take few queries, and come as a part to the script."""
    AuditEvent.objects.filter(workspace=demo).delete()
    fields = {"event": "client.changed", "actor": "user:1 ada@example.com", "target_type": "client", "target_id": "x", "created_at": timezone.now()}
    AuditEvent.objects.bulk_create(AuditEvent(workspace=demo, **fields) for _ in range(120))
    first = adas.get(PAGE)
    second = adas.get(f"{PAGE}?after={events(first)[-1]}")
    third = adas.get(f"{PAGE}?after={events(second)[-1]}")
    seen = [*events(first), *events(second), *events(third)]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 120
    assert "Newer" not in text_of(first)
    assert "Older" not in text_of(third)
    assert events(adas.get(f"{PAGE}?before={events(third)[0]}")) == events(second)
    assert events(adas.get(f"{PAGE}?before={events(second)[0]}")) == events(adas.get(f"{PAGE}?before={seen[0]}")) == seen[: len(events(first))]
    assert "120 events in the last 7 days." in text_of(first)
    # An address written by hand fails nothing.
    for query in ("after=x", "before=-1", "after=99999999999999999999999", "before=0", "after=1"):
        assert adas.get(f"{PAGE}?{query}").status_code == 200
    with CaptureQueriesContext(connection) as captured:
        adas.get(f"{PAGE}?q=client&person=user:1&period=all")
    assert len(captured) <= 12
    assert re.search(r'href="\?period=30d&amp;after=\d+"', adas.get(f"{PAGE}?period=30d").content.decode())
    part = adas.get(PAGE, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert 'data-count="120 events"' in part
    # Beyond ten thousand nobody counts.
    monkeypatch.setattr(audit_events, "MAX_COUNTED", 100)
    assert "More than 100 events in the last 7 days." in text_of(adas.get(PAGE))


def test_one_event_says_everything(adas, demo, client, ada):
    actor = Actor(ada.audit_name, "203.0.113.5", "request-1")
    clients.disable_client(client=client, actor=actor, now=timezone.now())
    clients.enable_client(client=client, actor=actor, now=timezone.now())
    event = AuditEvent.objects.get(event="client.disabled")
    text = text_of(adas.get(f"{PAGE}{event.pk}/"))
    for said in ("disabled client", "client.disabled", "203.0.113.5", "request-1", ada.audit_name, f"client {client.client_id}", "status enabled disabled"):
        assert said in text
    assert "Events from this request" in text
    assert "enabled client" in text
    assert f'href="/w/demo/clients/{client.client_id}/"' in adas.get(f"{PAGE}{event.pk}/").content.decode()


def test_what_else_that_person_did_that_day_is_beside_an_event_of_this_workspace(adas, demo, other):
    event, also, yesterday = record(demo), record(demo), record(demo, days=2)
    found = events(adas.get(f"{PAGE}{event.pk}/"))
    assert also.pk in found
    assert yesterday.pk not in found
    assert adas.get(f"{PAGE}{record(other).pk}/").status_code == 404
    assert adas.get(f"{PAGE}{10**20}/").status_code == 404
    text = text_of(adas.get(f"{PAGE}{record(demo, actor='system', target=('workspace', 'demo')).pk}/"))
    assert "it didn’t come over the network" in text
    assert "Fields before and after" not in text


def test_values_are_escaped(adas, demo):
    event = record(demo, before={"name": "<i>x</i>", "tags": []}, after={"name": "<b>y</b>", "tags": ["a", "b"]})
    for page in (PAGE, f"{PAGE}{event.pk}/"):
        html = adas.get(page).content.decode()
        assert "&lt;b&gt;y&lt;/b&gt;" in html
        assert "<b>y</b>" not in html


def test_a_viewer_reads_it_and_is_told_who_exports(bens, demo):
    response = bens.get(PAGE)
    assert response.status_code == 200
    assert "can export these events" in text_of(response)
