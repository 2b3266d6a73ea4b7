"""/w/<workspace>/settings/scopes/: what tokens can allow. Removing one says which clients lose it."""

import pytest
from django.utils import timezone

from clients.models import AuditEvent, Scope
from clients.services.scopes import create_scope
from tests import factories
from tests.dashboard.conftest import text_of
from tests.dashboard.credentials.test_notices import sent
from tests.dashboard.settings.conftest import SETTINGS, changes

SCOPES = SETTINGS + "scopes/"


@pytest.fixture
def orders(demo):
    return create_scope(workspace=demo, name="orders:read", description="Read orders", actor=factories.TESTS, now=timezone.now())


def path(scope, rest=""):
    return f"{SCOPES}{scope.pk}/{rest}"


def test_page_shows_each_scope_with_its_clients_and_why_some_are_locked(bens, demo, billing, orders):
    page = text_of(bens.get(SCOPES))
    assert "orders:read Read orders 0" in page
    assert "read Read what the service offers. 1" in page
    assert "The built-in scopes are locked: they are for the management API, which doesn’t exist yet." in page
    assert "can change settings, scopes and audiences" in page
    assert "Remove" not in page


def test_admin_adds_a_scope_and_edits_its_sentence(dans, demo):
    page = dans.post(SCOPES, {"name": "orders:write", "description": "Ändert Bestellungen 🎉"}, follow=True)
    assert "Scope orders:write added. No client has it yet." in text_of(page)
    added = Scope.objects.get(name="orders:write")
    assert added.description == "Ändert Bestellungen 🎉"
    assert changes("scope.created") == [({}, {"description": "Ändert Bestellungen 🎉"})]
    page = dans.post(path(added), {"description": "Writes orders", "name": "evil"}, follow=True)
    assert "Description of orders:write saved." in text_of(page)
    added.refresh_from_db()
    assert (added.name, added.description) == ("orders:write", "Writes orders")
    assert changes("scope.changed") == [({"description": "Ändert Bestellungen 🎉"}, {"description": "Writes orders"})]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"name": ""}, "Enter a name, for example orders:read."),
        ({"name": "read"}, "The scope read already exists in demo."),
        ({"name": "clients:write"}, "already exists"),
        ({"name": "orders read"}, "isn't a scope"),
        ({"name": 'a"b'}, "isn't a scope"),
        ({"name": "ordërs"}, "isn't a scope"),
        ({"name": "x" * 100_000}, "A scope can have at most 128 characters."),
        ({"name": "a\0b"}, "isn't a scope"),
        ({"name": "ok", "description": "x" * 100_000}, "A description can have at most 200 characters."),
        ({"name": "ok", "description": "\u202eevil"}, "invisible character"),
    ],
)
def test_bad_scope_is_refused_with_what_would_be_right(adas, demo, entries, said):
    page = adas.post(SCOPES, entries)
    assert page.status_code == 200
    assert said in text_of(page)
    assert "Nothing was added." in text_of(page)
    assert Scope.objects.filter(workspace=demo).count() == 4


def test_removal_first_lists_the_clients_that_lose_it_then_takes_it_from_each_with_its_event(adas, demo, orders):
    client = factories.create_client(demo, name="route-planner", scopes=["orders:read", "read"]).secret.client
    factories.create_client(demo, name="billing-sync", scopes=["read"])
    page = text_of(adas.get(path(orders, "remove/")))
    assert "1 client loses it at once" in page
    assert "Existing tokens keep it until they expire" in page
    assert "route-planner" in page
    assert "billing-sync" not in page
    assert Scope.objects.filter(name="orders:read").exists()
    page = adas.post(path(orders, "remove/"), follow=True)
    assert "Scope orders:read removed. 1 client lost it." in text_of(page)
    client.refresh_from_db()
    assert client.scopes == ["read"]
    assert changes("client.changed") == [({"scopes": ["orders:read", "read"]}, {"scopes": ["read"]})]
    assert AuditEvent.objects.get(event="client.changed").target_id == client.client_id
    assert changes("scope.removed") == [({"description": "Read orders", "clients": 1}, {})]
    # What was removed meanwhile is not there.
    for rest in ("", "remove/"):
        assert adas.get(path(orders, rest)).status_code == adas.post(path(orders, rest)).status_code == 404
    assert adas.get(f"{SCOPES}{'9' * 30}/remove/").status_code == 404


def test_owners_of_clients_that_lose_a_scope_hear_of_it(adas, demo, orders):
    for name in ("route-planner", "stock-take"):
        factories.create_client(demo, name=name, scopes=["orders:read", "read"], contact="routes@example.com")
    factories.create_client(demo, scopes=["read"], contact="payments@example.com")
    adas.post(path(orders, "remove/"))
    assert [(message.to, message.subject) for message in sent()] == [(["routes@example.com"], "Scopes were removed: 2 clients in Demo")]


def test_built_in_scope_cant_be_touched(adas, demo):
    built_in = demo.scopes.get(name="clients:write")
    for rest in ("", "remove/"):
        assert adas.post(path(built_in, rest), {"description": "x"}).status_code == 404
    assert demo.scopes.filter(name="clients:write").exists()


def test_other_workspaces_scope_is_not_found(adas, other):
    others = other.scopes.get(name="read")
    for rest in ("", "remove/"):
        assert adas.get(path(others, rest)).status_code == 404
        assert adas.post(path(others, rest), {"description": "x"}).status_code == 404
    assert other.scopes.get(name="read").description


def test_viewer_changes_nothing(bens, orders):
    assert bens.post(SCOPES, {"name": "x"}).status_code == 403
    for rest in ("", "remove/"):
        assert bens.get(path(orders, rest)).status_code == 403
        assert bens.post(path(orders, rest), {"description": "x"}).status_code == 403
    assert Scope.objects.filter(name="orders:read", description="Read orders").exists()


def test_many_scopes_have_pages(adas, demo):
    Scope.objects.bulk_create([Scope(workspace=demo, name=f"scope-{number:03}") for number in range(60)])
    assert "1 to 50 of 64" in text_of(adas.get(SCOPES))
    assert "scope-059" in text_of(adas.get(SCOPES, {"page": "2"}))
