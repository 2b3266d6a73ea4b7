"""What hygiene finds, and what it doesn't."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients.hygiene import Kind
from clients.models import AuditEvent, Client, ClientSecret
from clients.services.clients import disable_client, enable_client
from clients.services.secrets import create_secret
from clients.services.workspaces import change_workspace
from tests import factories
from tests.dashboard.conftest import create_public_key, text_of

URL = "/w/demo/hygiene/"


def names(browser, kind):
    """The names of the clients that a finding's page lists."""
    page = browser.get(f"{URL}{kind}/")
    assert page.status_code == 200
    return [row["client"].name for row in page.context["rows"]]


def add_secret(secret, *, made, used, make, now, lifetime=None):
    new = create_secret(client=secret.client, lifetime=lifetime or timedelta(days=900), actor=factories.TESTS, now=now - timedelta(days=made)).secret
    make.use(new, used)
    return new


@pytest.mark.long
def test_of_clean_clients_everything_is_in_order(adas, make, demo):
    make(made=10, auth_methods=["client_secret_basic"])
    text = text_of(adas.get(URL))
    assert "What to tidy up" not in text
    assert "Every secret expires." in text
    for kind in Kind:
        assert names(adas, kind.value) == []
    assert adas.get(f"{URL}laziness/").status_code == 404


def test_the_overview_counts_each_thing(adas, eves, make):
    make("مرحبا <b>bold</b>", used=None), make("two", used=None)
    text = text_of(adas.get(URL))
    assert "2 clients were never used" in text
    assert "Look at clients that were never used" in text
    assert "2 clients may send their secrets in the body" in text
    assert "<bdi>مرحبا &lt;b&gt;bold&lt;/b&gt;</bdi>" in adas.get(f"{URL}never-used/").content.decode()
    # Nothing of another workspace is found.
    assert eves.get("/w/other/hygiene/never-used/").context["rows"] == []


def test_clients_that_were_never_used_are_found_once_they_are_30_days_old(adas, make, now):
    make("old", made=31, used=None)
    make("young", made=29, used=None)
    make("used", made=200, used=40)
    off = make("off", made=200, used=None)
    disable_client(client=off.client, actor=factories.TESTS, now=now)
    assert names(adas, "never-used") == ["old"]


def test_idle_clients_are_found_unless_somebody_enabled_them_lately(adas, make, now):
    make("idle", used=91)
    make("in use", used=89)
    back = make("back", used=150)
    disable_client(client=back.client, actor=factories.TESTS, now=now - timedelta(days=100))
    enable_client(client=back.client, actor=factories.TESTS, now=now - timedelta(days=5))
    assert names(adas, "idle") == ["idle"]


def test_secrets_without_expiry_are_found(adas, make):
    secret = make("endless")
    ClientSecret.objects.filter(pk=secret.pk).update(expires_at=None)
    make("ending")
    gone = make("gone")
    ClientSecret.objects.filter(pk=gone.pk).update(expires_at=None, revoked_at=gone.created_at)
    assert names(adas, "secrets-without-end") == ["endless"]


def test_old_secrets_are_those_older_than_a_year_or_than_the_workspace_allows(adas, make, demo, now):
    """One that ends soon anyway is left alone."""
    make("older", made=200)
    make("ancient", made=400)
    make("young", made=100)
    ClientSecret.objects.filter(pk=make("ending", made=400).pk).update(expires_at=now + timedelta(days=20))
    for longest, found in ((None, ["ancient"]), (180, ["older", "ancient"]), (1000, ["ancient"])):
        demo.max_secret_lifetime_days = longest
        demo.save()
        assert names(adas, "old-secrets") == found


def test_silent_secrets_are_found_only_beside_one_that_is_in_use(adas, make, now):
    both = make("both silent", used=20)
    add_secret(both, made=100, used=30, make=make, now=now)
    left = make("left over", used=15)
    add_secret(left, made=100, used=1, make=make, now=now)
    fresh = make("just rotated", used=1)
    add_secret(fresh, made=2, used=None, make=make, now=now)
    page = adas.get(f"{URL}silent-secrets/")
    assert [row["row"].secret_id for row in page.context["rows"]] == [left.secret_id]
    assert "works revoked" in text_of(page)


def test_scopes_that_were_never_asked_for_are_found_only_of_clients_that_name_scopes(adas, make, ask_scopes):
    ask_scopes(make("asks for one"), "read")
    ask_scopes(make("asks for all"), "read", "write")
    ask_scopes(make("names none"), "read", is_named=False)
    ask_scopes(make("asked long ago"), "read", days=40)
    ask_scopes(make("young", made=10), "read")
    ask_scopes(make("asks for what it lost"), "read", "write", "gone")
    page = adas.get(f"{URL}unused-scopes/")
    assert [row["client"].name for row in page.context["rows"]] == ["asks for one"]
    assert "read write read" in text_of(page)


@pytest.mark.long
def test_clients_that_may_use_the_body_are_found_unless_basic_would_not_do(adas, make, demo):
    secret = make("both")
    make("body only", auth_methods=["client_secret_post"])
    make("basic only", auth_methods=["client_secret_basic"])
    make("made by default", made=29)
    assert names(adas, "secret-in-body") == ["both"]
    change_workspace(workspace=demo, allowed_auth_methods=["client_secret_post"], actor=factories.TESTS, now=timezone.now())
    assert names(adas, "secret-in-body") == []
    adas.post(f"{URL}secret-in-body/", {"row": secret.client.pk})
    secret.client.refresh_from_db()
    assert "client_secret_post" in secret.client.auth_methods


def test_disabled_clients_are_found_after_90_days_while_they_have_credentials(adas, make, now):
    for name, days in (("long", 100), ("lately", 80)):
        disable_client(client=make(name).client, actor=factories.TESTS, now=now - timedelta(days=days))
    empty = make("empty")
    ClientSecret.objects.filter(pk=empty.pk).update(revoked_at=now)
    disable_client(client=empty.client, actor=factories.TESTS, now=now - timedelta(days=100))
    keyed = make("with a key")
    ClientSecret.objects.filter(pk=keyed.pk).update(revoked_at=now)
    create_public_key(keyed.client)
    disable_client(client=keyed.client, actor=factories.TESTS, now=now - timedelta(days=100))
    assert names(adas, "disabled") == ["long", "with a key"]


@pytest.mark.long
@pytest.mark.parametrize("path", ["", *(f"{kind.value}/" for kind in Kind)])
def test_a_page_needs_twelve_queries_at_most_with_any_number_of_clients(adas, make, ask_scopes, path):
    for number in range(4):
        secret = make(f"client {number}", used=None if number % 2 else 100, made=400)
        ask_scopes(secret, "read")
    adas.get(URL)
    with CaptureQueriesContext(connection) as queries:
        assert adas.get(f"{URL}{path}").status_code == 200
    assert len(queries) <= 12, [query["sql"] for query in queries]


def test_lists_come_in_pages(adas, make, monkeypatch):
    monkeypatch.setattr("dashboard.clients.hygiene.views.PAGE", 2)
    for number in range(5):
        make(f"client {number}", used=None)
    assert names(adas, "never-used") == ["client 0", "client 1"]
    page = adas.get(f"{URL}never-used/?page=3")
    assert [row["client"].name for row in page.context["rows"]] == ["client 4"]
    assert "Disable all 5 clients" in text_of(page)
    assert Client.objects.count() == 5
    assert not AuditEvent.objects.filter(event="client.disabled").exists()
