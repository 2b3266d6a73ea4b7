"""The variables of single sign-on: valid values, and invalid combinations."""

import pytest
from allauth.socialaccount.models import SocialApp
from django.core.exceptions import ImproperlyConfigured

from dashboard.instance import environment
from dashboard.instance.checks import check_settings
from tests.dashboard.sso.conftest import CALLBACK, START, begin


def ids():
    messages = check_settings()
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


@pytest.mark.parametrize(
    "issuer",
    [
        "https://acme.okta.com",
        "https://acme.eu.auth0.com/",
        "https://login.example.com/realms/acme",
        "https://login.microsoftonline.com/8ee3f1a5-0b7c-4b0e-9d5e-1a2b3c4d5e6f/v2.0",
        "https://[2001:db8::1]:8443",
    ],
)
def test_an_issuer_is_taken_letter_by_letter(monkeypatch, issuer):
    monkeypatch.setenv("SSO_ISSUER", issuer)
    assert environment.provider("SSO_ISSUER", default="") == issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "http://acme.okta.com",
        "acme.okta.com",
        "https://",
        "https://a b",
        "https://user:x@y",
        "https://x?y",
        "https://x#y",
        "https://ü",
        "https://x:0",
        "https://x:y",
        "https://" + "x" * 200,
        "https://[",
        'https://x"',
        "ftp://x",
    ],
)
def test_anything_but_an_issuer_ends_the_start(monkeypatch, issuer):
    monkeypatch.setenv("SSO_ISSUER", issuer)
    with pytest.raises(ImproperlyConfigured, match="SSO_ISSUER must be the issuer of your OpenID provider"):
        environment.provider("SSO_ISSUER", default="")


def test_roles_name_group_workspace_and_role(monkeypatch):
    monkeypatch.setenv("SSO_ROLES", "platform=demo:admin, /Acme/Devs = demo:developer,cn=ops=demo:owner,platform=other:viewer")
    assert environment.roles("SSO_ROLES", default="") == [
        ("platform", "demo", "admin"),
        ("/Acme/Devs", "demo", "developer"),
        ("cn=ops", "demo", "owner"),
        ("platform", "other", "viewer"),
    ]


@pytest.mark.parametrize(
    "roles", ["platform", "platform=demo", "=demo:admin", "platform=demo:root", "platform=demo:Admin", "platform=De mo:admin", "platform=:admin", "a:b"]
)
def test_what_names_no_role_ends_the_start(monkeypatch, roles):
    monkeypatch.setenv("SSO_ROLES", roles)
    with pytest.raises(ImproperlyConfigured, match="SSO_ROLES must be group=workspace:role"):
        environment.roles("SSO_ROLES", default="")


def test_everything_in_its_place_is_fine(okta):
    assert ids() == []


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"SSO_CLIENT_ID": ""}, "dashboard.E006"),
        ({"SSO_CLIENT_SECRET": ""}, "dashboard.E006"),
        ({"SSO_SCOPES": ["email", "profile"]}, "dashboard.E007"),
        ({"SSO_CA": "/nowhere/ca.pem"}, "dashboard.E008"),
        ({"SSO_CA": "/dev/null"}, "dashboard.E008"),
        ({"SSO_CA": __file__}, "dashboard.E008"),
        ({"SSO_ROLES": []}, "dashboard.W005"),
    ],
)
def test_what_is_missing_is_named(okta, settings, changed, found):
    for name, value in changed.items():
        setattr(settings, name, value)
    assert ids() == [found]


@pytest.mark.parametrize("name", ["SSO_CLIENT_ID", "SSO_CLIENT_SECRET", "SSO_ROLES", "SSO_DOMAINS"])
def test_the_rest_without_an_issuer_is_a_warning(settings, name):
    setattr(settings, name, ["x"])
    assert ids() == ["dashboard.W004"]


def test_no_message_repeats_the_secret(okta, settings):
    settings.SSO_CLIENT_ID = ""
    assert settings.SSO_CLIENT_SECRET not in str(check_settings())


# Off


PATHS = [START, CALLBACK, "/accounts/security/sso/", "/accounts/security/sso/connect/", "/accounts/security/sso/disconnect/", "/accounts/confirm/sso/"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.django_db
def test_without_an_issuer_there_is_nothing(browser, ada, path):
    browser.force_login(ada)
    assert browser.get(path).status_code == 404
    assert browser.post(path).status_code == 404


@pytest.mark.django_db
def test_without_an_issuer_the_sign_in_page_offers_nothing(browser):
    assert "/accounts/sso/" not in browser.get("/accounts/sign-in/").content.decode()


def test_no_other_provider_can_be_added_in_the_database(browser, okta, demo):
    """Nothing reads rows of django-allauth's SocialApp."""
    SocialApp.objects.create(provider="openid_connect", provider_id="evil", client_id="x", settings={"server_url": "https://evil.example"})
    assert browser.get("/accounts/oidc/evil/login/").status_code == 404
    assert begin(browser).startswith(okta.issuer)
