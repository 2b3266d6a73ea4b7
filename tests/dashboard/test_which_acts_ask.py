"""Every route to which somebody who is signed in can send a form: which asks for a proof of who they are, and which doesn't, with the reason. A new one fails
here until it is in one of the lists."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import AuditEvent, ClientSecret, Workspace
from dashboard.frame.spent_forms import new_token
from dashboard.models import User
from dashboard.people.permissions import Access
from tests import factories
from tests.dashboard.accounts.conftest import age_confirmation
from tests.dashboard.client_settings.conftest import entries, path, use
from tests.dashboard.conftest import make_certificate
from tests.dashboard.create import conftest as create
from tests.dashboard.credentials import test_certificates, test_public_keys
from tests.dashboard.credentials.conftest import url
from tests.dashboard.settings.conftest import ALL_METHODS, SETTINGS
from tests.dashboard.settings.conftest import entries as settings_entries
from tests.dashboard.test_permissions import ROUTES

CALLED = {route.name: route for route in ROUTES if route.access is not Access.ANYONE}

# Whatever is sent, before it is looked at.
ASK_ALWAYS = {
    "account_change_password",
    "audience_remove",
    "certificate_revoke",
    "client_delete",
    "client_disable",
    "client_enable",
    "email_change",
    "hand_overs",
    "hygiene_fix",
    "invitation_send_again",
    "invite",
    "key_revoke",
    "leak_stop",
    "leave",
    "member_remove",
    "member_role",
    "one_time_codes_off",
    "one_time_codes_on",
    "passkey_new",
    "passkey_remove",
    "passkey_rename",
    "recovery_codes_new",
    "retention_preview",
    "scope_remove",
    "secret_end",
    "secret_revoke",
    "session_end",
    "sessions_end",
    "settings_report",
    "workspace_delete",
    "workspace_keep",
    "workspace_new",
    # They only look, but at what is worth a proof.
    "audit_csv",
    "audit_json",
}

# What shows first what would come of it asks when it is meant: how it is meant, by whom, of which client.
ASK_IF_MEANT = {
    "certificate_new": lambda browser, client: test_certificates.add(browser, client, make_certificate()),
    "client_new": lambda browser, _client: browser.post(create.NEW, create.entries()),
    "client_settings": lambda browser, client: browser.post(path(client), entries(client) | {"contact": "mallory@elsewhere.example"}),
    "key_new": lambda browser, client: test_public_keys.add(browser, client, test_public_keys.jwk_set("laptop")),
    "rotate": lambda browser, client: browser.post(url(client, "rotate"), {"overlap": "24h", "name": "", "once": new_token()}),
    "secret_extend": lambda browser, client: browser.post(url(client, "secrets", ending(client).secret_id, "extend"), {"longer": "24h"}),
    "secret_new": lambda browser, client: browser.post(url(client, "secrets", "new"), {"name": "", "secret_expiry": "90d", "once": new_token()}),
    "settings": lambda browser, _client: browser.post(SETTINGS, settings_entries(browser) | {"allowed_auth_methods": ALL_METHODS}),
    "settings_preview": lambda browser, _client: browser.post(f"{SETTINGS}preview/", settings_entries(browser) | {"allowed_auth_methods": ["private_key_jwt"]}),
}


def ending(client):
    """A secret in an overlap."""
    secret = client.secrets.get()
    ClientSecret.objects.filter(pk=secret.pk).update(expires_at=timezone.now() + timedelta(hours=5))
    return secret


DO_NOT_ASK = {
    "account_reauthenticate": "is where one proves it",
    "sso_confirm": "is where one proves it",
    "sso_connect": "isn't there without a provider; tests/dashboard/sso",
    "sso_disconnect": "isn't there without a provider; tests/dashboard/sso",
    "email_confirm": "takes a link that was asked for with a proof",
    "stay_signed_in": "is a use of the session like each other one",
    "display": "is about how pages look to oneself",
    "profile": "is one's own name, which is no right",
    "hand_over_withdraw": "ends what lets somebody in; another link takes a proof",
    "invitation_withdraw": "ends what lets somebody in; another invitation takes a proof",
    "scopes": "adds one that no client has; giving it to one takes a proof",
    "scope": "changes its sentence",
    "leak": "looks up, and tells those who can end it",
    "credential_test": "looks whether it would be accepted",
}
ONLY_SHOW = {
    "audiences", "audit", "audit_event", "client", "client_audit", "client_examples", "client_latest", "client_live", "client_preview", "client_request",
    "client_requests", "client_requests_csv", "clients", "docs", "docs_page", "explain", "health", "home", "hygiene", "invitation_list", "members", "mfa_index",
    "retention", "search", "sso_connection", "start", "usage", "usage_csv", "workspace", "workspaces",
}  # fmt: skip


def test_each_route_is_in_one_list():
    lists = [ASK_ALWAYS, set(ASK_IF_MEANT), set(DO_NOT_ASK), ONLY_SHOW]
    assert sorted(name for names in lists for name in names) == sorted(CALLED)


@pytest.fixture
def old(adas, demo):
    """Ada's browser. She owns demo, administers the instance, and signed in 11 minutes ago."""
    User.objects.update(is_staff=True, is_superuser=True)
    Workspace.objects.update(allowed_auth_methods=[method for method in ALL_METHODS if method != "tls_client_auth"])
    age_confirmation(adas)
    return adas


@pytest.fixture
def used(demo):
    """A client that got a token an hour ago."""
    client = factories.create_client(demo, auth_methods=["client_secret_basic", "private_key_jwt", "self_signed_tls_client_auth"]).secret.client
    use(client, credential=client.secrets.get().secret_id)
    return client


def events():
    return AuditEvent.objects.exclude(event="user.signed_in").count()


@pytest.mark.parametrize("name", sorted(ASK_ALWAYS))
def test_listed_routes_ask_for_a_proof(old, name):
    before = events()
    assert old.post(CALLED[name].url())["Location"].startswith("/accounts/confirm/?next=")
    assert events() == before


@pytest.mark.parametrize("name", ASK_IF_MEANT)
def test_listed_routes_ask_for_a_proof_if_necessary(old, used, name):
    before = events()
    assert ASK_IF_MEANT[name](old, used)["Location"].startswith("/accounts/confirm/?next=")
    assert events() == before


@pytest.mark.parametrize("name", sorted({*DO_NOT_ASK, *ONLY_SHOW}))
def test_listed_routes_ask_for_no_proof(old, used, name):
    before = events()
    response = old.post(CALLED[name].url())
    assert not response.get("Location", "").startswith("/accounts/confirm/")
    if name in ONLY_SHOW:
        assert events() == before
