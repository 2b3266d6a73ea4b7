"""Tidying up: what is ticked changes, as the page said, with one event each."""

import re
from datetime import UTC, timedelta

import pytest

from clients.models import AuditEvent, Client, ClientPublicKey, ClientSecret
from clients.services import hygiene
from clients.services.clients import disable_client
from dashboard.frame.moment import say_date
from tests import factories
from tests.dashboard.conftest import create_certificate, create_public_key, text_of
from tests.dashboard.hygiene.test_findings import URL, add_secret, names


def fix(browser, kind, *rows, **more):
    return browser.post(f"{URL}{kind}/", {"row": [row.pk for row in rows], **more})


def events(event):
    return list(AuditEvent.objects.filter(event=event).order_by("target_id"))


def test_only_what_is_ticked_changes_and_nobody_uses_since_the_page_was_made(adas, make):
    one, two, used = make("one", used=None), make("two", used=None), make("used", used=None)
    answer = fix(adas, "never-used", one.client)
    assert answer["Location"] == URL
    assert "1 client disabled." in text_of(adas.get(URL))
    assert [client.status for client in Client.objects.order_by("pk")] == ["disabled", "enabled", "enabled"]
    [event] = events("client.disabled")
    assert (event.target_id, event.before, event.after) == (one.client.client_id, {"status": "enabled"}, {"status": "disabled", "reason": "never used"})
    make.use(used, 0)
    fix(adas, "never-used", used.client)
    assert "Nothing left to change: somebody else was faster." in text_of(adas.get(URL))
    assert names(adas, "never-used") == [two.client.name]


def test_idle_clients_are_disabled(adas, make):
    secret = make(used=100)
    fix(adas, "idle", secret.client)
    assert events("client.disabled")[0].after["reason"] == "idle for 90 days"


@pytest.mark.parametrize(("kind", "most_days", "days"), [("secrets-without-end", None, 90), ("secrets-without-end", 20, 20), ("old-secrets", None, 30)])
def test_the_end_that_the_page_shows_before_is_the_one_that_a_secret_gets(adas, make, demo, now, kind, most_days, days):
    secret = make(made=400)
    if kind != "old-secrets":
        ClientSecret.objects.update(expires_at=None)
    demo.max_secret_lifetime_days = most_days
    demo.save()
    shown = text_of(adas.get(f"{URL}{kind}/"))
    fix(adas, kind, secret)
    ends = ClientSecret.objects.get().expires_at
    assert abs(ends - now - timedelta(days=days)) < timedelta(days=1)
    assert say_date(ends, now=now, zone=UTC, with_year=True) in shown
    if kind != "old-secrets":
        assert "no expiry" in shown
        [event] = events("secret.changed")
        assert event.before == {"expires_at": None}
        assert event.after["reason"] == "had no expiry date"


def test_silent_secrets_are_revoked(adas, make, now):
    secret = make(used=20)
    other = add_secret(secret, made=100, used=1, make=make, now=now)
    fix(adas, "silent-secrets", secret, other)
    assert ClientSecret.objects.get(pk=secret.pk).revoked_at is not None
    assert ClientSecret.objects.get(pk=other.pk).revoked_at is None
    [event] = events("secret.revoked")
    assert event.target_id == secret.secret_id
    assert event.after["client_id"] == secret.client.client_id
    assert event.after["reason"] == "unused spare secret"


def test_scopes_that_were_never_asked_for_are_removed(adas, make, ask_scopes):
    secret = make()
    ask_scopes(secret, "write")
    fix(adas, "unused-scopes", secret.client)
    assert Client.objects.get().scopes == ["write"]
    [event] = events("client.changed")
    assert (event.before, event.after) == ({"scopes": ["read", "write"]}, {"scopes": ["write"]})


def test_the_body_is_no_longer_allowed(adas, make):
    secret = make()
    fix(adas, "secret-in-body", secret.client)
    assert Client.objects.get().auth_methods == ["client_secret_basic"]
    assert events("client.changed")[0].after == {"auth_methods": ["client_secret_basic"]}


def test_the_credentials_of_clients_that_are_long_disabled_are_revoked(adas, make, now):
    secret = make()
    create_public_key(secret.client)
    create_certificate(secret.client)
    disable_client(client=secret.client, actor=factories.TESTS, now=now - timedelta(days=100))
    fix(adas, "disabled", secret.client)
    for model, event in ((ClientSecret, "secret.revoked"), (ClientPublicKey, "public_key.revoked")):
        assert model.objects.get().revoked_at is not None
        assert events(event)[0].after["reason"] == "disabled for 90 days"
    assert len(events("certificate.revoked")) == 1
    assert Client.objects.get().status == "disabled"


def test_all_are_changed_at_once_in_batches(adas, make, monkeypatch):
    monkeypatch.setattr(hygiene, "_BATCH", 2)
    monkeypatch.setattr("dashboard.clients.hygiene.views.PAGE", 2)
    for number in range(5):
        make(f"client {number}", used=None)
    adas.post(f"{URL}never-used/", {"all": "yes"})
    assert "5 clients disabled." in text_of(adas.get(URL))
    assert not Client.objects.filter(status="enabled").exists()
    assert len(events("client.disabled")) == 5


@pytest.mark.parametrize("rows", [[], ["x"], ["-1"], ["9" * 30], ["²"]])
def test_somebody_who_ticks_nothing_is_told_so(adas, make, rows):
    make(used=None)
    page = adas.post(f"{URL}never-used/", {"row": rows})
    assert "Nothing was changed. Select at least one client." in text_of(page)
    assert "<title>Error: " in page.content.decode()
    assert Client.objects.get().status == "enabled"


def test_what_changes_is_for_those_who_may_do_it_one_by_one(bens, danas, make):
    """A developer rotates and revokes, an admin disables."""
    idle, endless = make(used=100), make("endless")
    ClientSecret.objects.filter(pk=endless.pk).update(expires_at=None)
    assert "Set an expiry date for selected secrets" in text_of(danas.get(f"{URL}secrets-without-end/"))
    assert fix(danas, "secrets-without-end", endless).status_code == 302
    text = text_of(danas.get(f"{URL}idle/"))
    assert "Disable selected clients" not in text
    assert "You are a developer. ada@example.com can disable clients here." in text
    assert fix(danas, "idle", idle.client).status_code == 403
    assert "You are a viewer." in text_of(bens.get(f"{URL}idle/"))
    assert fix(bens, "secrets-without-end", endless).status_code == 403


def test_what_was_ticked_is_kept_if_the_session_ended_and_nothing_of_another_workspace_changes(browser, eves, make):
    one, two = make("one", used=None), make("two", used=None)
    eves.post("/w/other/hygiene/never-used/", {"row": [one.client.pk]})
    page = fix(browser, "never-used", one.client, two.client)
    assert page.status_code == 403
    assert "Your entries are kept on this page." in text_of(page)
    assert re.findall(r'name="row"\s+value="(\d+)"', page.content.decode()) == [str(one.client.pk), str(two.client.pk)]
    assert not Client.objects.filter(status="disabled").exists()


def test_somebody_who_signed_in_long_ago_proves_it_first(adas, make):
    secret = make(used=None)
    session = adas.session
    for method in session["account_authentication_methods"]:
        method["at"] -= 3600
    session.save()
    answer = fix(adas, "never-used", secret.client)
    assert answer["Location"].startswith("/accounts/confirm/")
    adas.post(answer["Location"], {"password": factories.PASSWORD})
    assert Client.objects.get().status == "disabled"
