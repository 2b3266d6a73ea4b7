"""Two people change one client: the second is told what changed, by whom, with both values, and keeps what they entered."""

import re

from django.utils import timezone

from clients.models import AuditEvent, Client
from clients.services.clients import disable_client, hand_over_clients
from clients.services.scopes import create_scope, remove_scope
from dashboard.client.settings import views as view
from tests import factories
from tests.dashboard.client_settings.conftest import changes, entries, entries_of, path
from tests.dashboard.conftest import text_of


def save(browser, client, entered):
    return browser.post(path(client), entered)


def test_second_editor_is_told_who_changed_what_and_saves_again(adas, carls, client):
    adas_form = entries(client)
    save(carls, client, {**entries(client), "contact": "carl@example.com", "description": "Carl’s"})
    page = save(adas, client, {**adas_form, "contact": "ada@example.com", "tags": "mine"})
    text = text_of(page)
    assert "<title>Error: " in page.content.decode()
    assert "Nothing was saved. Somebody else changed this client while you were editing." in text
    assert re.search(r"Owner carl@example\.com carl@example\.com, (now|\d+ s ago) You entered: ada@example\.com", text)
    assert re.search(r"Description Carl’s carl@example\.com, (now|\d+ s ago) Kept below\.", text)
    assert Client.objects.get().contact == "carl@example.com"
    again = entries_of(page)
    assert (again["contact"], again["description"], again["tags"]) == ("ada@example.com", "Carl’s", "mine")

    assert save(adas, client, again).status_code == 302
    client.refresh_from_db()
    assert (client.contact, client.description, client.tags) == ("ada@example.com", "Carl’s", ["mine"])
    assert changes()[-1] == ({"contact": "carl@example.com", "tags": []}, {"contact": "ada@example.com", "tags": ["mine"]})


def test_both_values_are_shown_and_what_both_did_alike_is_no_clash(adas, carls, client):
    save(carls, client, {**entries(client), "contact": "first@example.com"})
    adas_form = entries(client)
    save(carls, client, {**entries(client), "contact": "second@example.com"})
    text = text_of(save(adas, client, {**adas_form, "contact": "second@example.com"}))
    assert "Owner first@example.com second@example.com" in text
    assert "You entered" not in text


def test_of_lists_what_each_added_and_took_away_is_kept(adas, carls, client):
    for name in ("orders:read", "orders:write"):
        create_scope(workspace=client.workspace, name=name, description="", actor=factories.TESTS, now=timezone.now())
    adas_form = entries(client)
    save(carls, client, {**entries(client), "scopes": ["read", "orders:read"]})
    page = save(adas, client, {**adas_form, "scopes": ["read", "write", "orders:write"]})
    assert "Scopes write orders:read" in text_of(page)
    assert "You entered: read, write, orders:write" in text_of(page)
    save(adas, client, entries_of(page))
    client.refresh_from_db()
    assert client.scopes == ["read", "orders:read", "orders:write"]


def test_changes_of_other_kinds_are_told_as_well(adas, client):
    now = timezone.now()
    client.contact = "x@example.com"
    client.save()
    adas_form = entries(client)
    hand_over_clients(workspace=client.workspace, contact="x@example.com", to="heir@example.com", actor=factories.TESTS, now=now)
    remove_scope(scope=client.workspace.scopes.get(name="write"), actor=factories.TESTS, now=now)
    text = text_of(save(adas, client, {**adas_form, "scopes": ["read"], "name": "renamed"}))
    assert "Owner x@example.com heir@example.com tests, by a command" in text
    assert "Scopes write tests, by a command" in text


def test_disabling_is_no_change_of_what_the_form_holds(adas, client):
    adas_form = entries(client)
    disable_client(client=client, actor=factories.TESTS, now=timezone.now())
    assert save(adas, client, {**adas_form, "name": "renamed"}).status_code == 302


def test_if_the_audit_log_does_not_tell_the_client_is_shown_as_it_is(adas, carls, client):
    adas_form = entries(client)
    assert "This page is too old" in text_of(save(adas, client, {**adas_form, "seen": "forged", "name": "renamed"}))
    assert Client.objects.get().name == "billing-sync"
    save(carls, client, {**entries(client), "contact": "carl@example.com"})
    AuditEvent.objects.all().delete()
    page = save(adas, client, {**adas_form, "contact": "ada@example.com"})
    assert "This page is too old to show what others have changed." in text_of(page)
    assert entries_of(page)["contact"] == "carl@example.com"
    assert Client.objects.get().contact == "carl@example.com"


def test_who_was_faster_in_the_very_moment_of_saving_is_told_too_and_entries_stay(adas, client, monkeypatch):
    """Between the check of the fingerprint and the lock."""
    create_scope(workspace=client.workspace, name="orders:read", description="", actor=factories.TESTS, now=timezone.now())
    update_client, now = view.update_client, timezone.now()
    faster = [
        lambda: remove_scope(scope=client.workspace.scopes.get(name="orders:read"), actor=factories.TESTS, now=now),
        lambda: hand_over_clients(workspace=client.workspace, contact="", to="fast@example.com", actor=factories.TESTS, now=now),
    ]

    def be_late(**options):
        faster.pop()()
        return update_client(**options)

    monkeypatch.setattr(view, "update_client", be_late)
    text = text_of(save(adas, client, {**entries(client), "name": "renamed"}))
    assert "Owner fast@example.com tests, by a command" in text
    page = save(adas, client, {**entries(client), "scopes": ["read", "write", "orders:read"], "name": "renamed"})
    assert "demo has no scope orders:read." in text_of(page)
    assert entries_of(page)["name"] == "renamed"
    assert Client.objects.get().name == "billing-sync"


def test_client_that_was_deleted_meanwhile_is_not_found(adas, client):
    adas_form = entries(client)
    client.delete()
    assert adas.post(path(client), adas_form).status_code == 404
