"""What else the provider says, or doesn't: discovery, token endpoint, keys, UserInfo. OpenID Connect Core 1.0 §5.3.2, Discovery 1.0 §4.3."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.socialaccount.models import SocialAccount
from django.db import connection

from dashboard.models import User
from dashboard.people.sso import provider as provider_module
from dashboard.people.sso.sign_in import MAX_STRANGERS
from tests.dashboard.conftest import Browser
from tests.dashboard.sso.conftest import begin, come, heading, user_of
from tests.dashboard.sso.hostility import DOWN, linked, log, refused
from tests.dashboard.sso.provider import respond

__all__ = ["linked", "log"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("linked", "log")]


@pytest.mark.parametrize("subject", [None, "00u-mallory"])
def test_userinfo_about_somebody_else_or_nobody_is_refused(browser, okta, log, subject):
    okta.userinfo = {"sub": subject, "groups": ["bosses"]}
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")
    assert "a different person" in log()


def test_without_userinfo_the_id_token_is_enough(browser, okta, ada):
    okta.metadata["userinfo_endpoint"] = None
    come(browser, okta)
    assert user_of(browser) == ada.pk


@pytest.mark.parametrize("issuer", ["https://evil.example", None, 7, "\0"])
def test_the_discovery_document_of_another_issuer_is_refused_before_anybody_goes_there(browser, okta, issuer, log):
    okta.metadata["issuer"] = issuer
    response = browser.post("/accounts/sso/")
    assert (response.status_code, heading(response)) == (502, DOWN)
    assert "another issuer's" in log()


ENDPOINTS = ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"]
PLACES = ["http://localhost/x", "file:///etc/passwd", "//evil.example", "https://a b", "https://x#y", "https://x\r\nX: y", 7, [], {}, "", "https://ü.example"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_that_is_no_https_url_is_refused(browser, okta, name, place):
    okta.metadata[name] = place
    assert browser.post("/accounts/sso/").status_code == 502


def test_a_provider_that_accepts_no_client_secret_is_refused(browser, okta, log):
    okta.metadata["token_endpoint_auth_methods_supported"] = ["private_key_jwt"]
    assert browser.post("/accounts/sso/").status_code == 502
    assert "doesn't accept a client secret" in log()


def test_the_error_of_the_token_endpoint_is_logged(browser, okta, log):
    okta.replies["/token"] = respond(json.dumps({"error": "invalid_client", "error_description": "secret"}), status=401)
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")
    assert log() == "single sign-on failed: the provider's token endpoint answered with status 401 (invalid_client)"


ANSWERS = {
    "no JSON": respond("<html>Maintenance</html>", content_type="text/html"),
    "a list": respond("[]"),
    "empty": respond(""),
    "binary": respond(b"\xff\xfe\0"),
    "deep": respond("[" * 60_000),
    "huge": respond("x" * 70_000),
    "500": respond("{}", status=500),
    "302 to itself": respond("", status=302, Location="/realms/acme/token"),
    "302 elsewhere": respond("", status=302, Location="https://evil.example/"),
    "cut off": respond("{}", **{"Content-Length": "50"}),
    "silence": lambda handler: handler.connection.close(),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys", "/userinfo"])
def test_answers_that_are_none_are_refused(browser, okta, path, name):
    callback = okta.authorize(begin(browser))
    okta.replies[path] = ANSWERS[name]
    assert refused(browser, browser.get(callback), 502, DOWN, "provider_failed")


@pytest.mark.parametrize(
    "tokens", [{"access_token": None}, {"access_token": ["x"]}, {"access_token": "x\r\nX-Evil: y"}, {"token_type": "mac"}, {"token_type": None}]
)
def test_anything_but_a_bearer_token_is_not_sent_on(browser, okta, tokens):
    okta.tokens.update(tokens)
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")
    assert not [path for path, *_ in okta.requests if path.endswith("/userinfo")]


@pytest.mark.long
def test_a_provider_that_hangs_is_given_up(browser, okta, monkeypatch):
    monkeypatch.setattr(provider_module, "TIMEOUT", 0.6)
    okta.replies["/token"] = lambda _: time.sleep(2)
    callback = okta.authorize(begin(browser))
    started = time.monotonic()
    assert refused(browser, browser.get(callback), 502, DOWN, "provider_failed")
    assert time.monotonic() - started < 1.5


def test_a_provider_that_is_down_is_reported(browser, okta, settings):
    settings.SSO_ISSUER = "https://localhost:1/realms/acme"
    response = browser.post("/accounts/sso/")
    assert (response.status_code, heading(response)) == (502, DOWN)
    assert response["X-Request-Id"] in response.content.decode()


def test_a_certificate_of_another_authority_is_not_trusted(browser, okta, settings, log):
    settings.SSO_CA = ""
    assert browser.post("/accounts/sso/").status_code == 502
    assert "certificate of localhost isn't valid" in log()


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_a_provider_that_hangs_leaves_threads_to_everybody_else(okta, monkeypatch):
    monkeypatch.setattr(provider_module, "TIMEOUT", 1.5)
    okta.replies["/.well-known/openid-configuration"] = lambda _: time.sleep(3)

    def start(number):
        try:
            return Browser(raise_request_exception=False, REMOTE_ADDR=f"198.51.100.{number}").post("/accounts/sso/").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        statuses = sorted(threads.map(start, range(6)))
    assert statuses == [502] * MAX_STRANGERS + [503] * 4


def test_nothing_half_written_is_left(browser, okta):
    users, links = User.objects.count(), SocialAccount.objects.count()
    come(browser, okta, sub="00u2", email="grace@example.com", groups=["devs"], exp=1)
    assert (User.objects.count(), SocialAccount.objects.count()) == (users, links)
