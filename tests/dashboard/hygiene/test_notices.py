"""A client's owner hears what tidying up revoked or disabled."""

from datetime import timedelta

import pytest

from clients.models import AuditEvent, Client, ClientSecret
from clients.services.clients import disable_client
from tests import factories
from tests.dashboard.credentials.test_notices import sent
from tests.dashboard.hygiene.test_findings import URL, add_secret

OWNER = "payments@example.com"


@pytest.fixture
def tidy_up(danas):
    def tidy_up(browser, kind):
        Client.objects.update(contact=OWNER)
        assert browser.post(f"{URL}{kind}/", {"all": "1"})["Location"] == URL
        return [message.subject for message in sent() if message.to == [OWNER]]

    return tidy_up


def test_silent_secrets(danas, make, now, tidy_up):
    secret = make(used=0)
    silent = add_secret(secret, made=190, used=100, make=make, now=now)
    assert tidy_up(danas, "silent-secrets") == [f"Secret {silent.secret_id} was revoked: billing-sync"]


def test_idle_clients(adas, make, tidy_up):
    make("one", used=100), make("two", used=100)
    assert tidy_up(adas, "idle") == ["Clients were disabled: 2 clients in Demo"]


def test_credentials_of_disabled_clients(adas, make, now, tidy_up):
    secret = make(made=200, used=None)
    disable_client(client=secret.client, actor=factories.TESTS, now=now - timedelta(days=100))
    assert tidy_up(adas, "disabled") == [f"Secret {secret.secret_id} was revoked: billing-sync"]


def test_scopes_that_were_removed(adas, make, ask_scopes, tidy_up):
    for name in ("one", "two"):
        ask_scopes(make(name, scopes=["read", "write"]), "read")
    assert tidy_up(adas, "unused-scopes") == ["Unused scopes were removed: 2 clients in Demo"]
    assert "\n- write\n" in sent()[-1].body


def test_a_method_that_was_turned_off(adas, make, tidy_up):
    make(auth_methods=["client_secret_basic", "client_secret_post"])
    assert tidy_up(adas, "secret-in-body") == ["Secrets in request bodies were turned off: billing-sync"]


@pytest.mark.parametrize(("kind", "made", "days", "reason"), [("secrets-without-end", 10, 90, "had no expiry date"), ("old-secrets", 500, 30, "too old")])
def test_expiry_dates(adas, make, now, tidy_up, kind, made, days, reason):
    for name in ("one", "two"):
        secret = make(name, made=made)
        add_secret(secret, made=made, used=0, make=make, now=now)
    ClientSecret.objects.update(expires_at=None)
    assert tidy_up(adas, kind) == ["An expiry date was set for secrets: 2 clients in Demo"]
    [message] = [message for message in sent() if message.to == [OWNER]]
    assert f"Reason: “{reason}”." in message.body
    end = ClientSecret.objects.latest("pk").expires_at
    assert end > now + timedelta(days=days - 1)
    for text in (message.body, " ".join(message.alternatives[0].content.split())):
        assert f"They expire on {end:%d %b %Y %H:%M} UTC." in text


def test_nobody_where_nothing_was_changed(adas, make, tidy_up):
    make(used=0)
    assert tidy_up(adas, "idle") == []
    assert not AuditEvent.objects.filter(event="client.disabled").exists()
