"""What comes back from the browser or the provider and isn't as it has to be: OpenID Connect Core 1.0 §3.1.3.7 and §5.3.2, Discovery 1.0 §4.3, RFC 9207.

Nobody is signed in by it, nothing is written but the refusal, and neither page nor log holds a token or code.
"""

import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from allauth.socialaccount.models import SocialAccount
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.db import connection

from clients import base64url
from dashboard.models import User
from dashboard.sso import provider as provider_module
from dashboard.sso import session as session_module
from oauth.jose import generate_private_key
from tests.dashboard.conftest import Browser
from tests.dashboard.sso.conftest import CALLBACK, begin, come, events, heading, user_of
from tests.dashboard.sso.provider import respond

pytestmark = pytest.mark.django_db

DOWN = "Signing in with Okta doesn’t work right now"
STALE = "This sign-in can’t go on"


@pytest.fixture(autouse=True)
def linked(ada, demo, okta):
    """Ada would be signed in if all were well."""
    return SocialAccount.objects.create(user=ada, provider=okta.issuer, uid="00u1ada")


@pytest.fixture(autouse=True)
def _no_secret_is_logged(caplog, okta):
    caplog.set_level(logging.INFO)
    yield
    for text in (record.getMessage() for record in caplog.records if record.name.startswith(("tokenos", "django.request"))):
        assert not any(secret in text for secret in ("access-token", "eyJ", "only for tests"))


def refused(browser, response, status, said, reason):
    assert (response.status_code, heading(response)) == (status, said)
    assert user_of(browser) is None
    assert events("user.sign_in_failed")[-1].after["reason"] == reason
    assert not events("user.signed_in")
    assert "code-" not in response.content.decode()
    assert "eyJ" not in response.content.decode()
    return True


def logged(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "tokenos.sso"][-1]


def test_all_is_well_otherwise(browser, okta, ada):
    """Else the refusals below would show nothing."""
    assert come(browser, okta).status_code == 302
    assert user_of(browser) == ada.pk


# What the browser brings


@pytest.mark.parametrize("state", ["", "forged", "x" * 100_000, "\0", "ü", "🚀", None])
def test_a_forged_state_is_refused(browser, okta, state):
    callback = okta.authorize(begin(browser), state=state)
    assert refused(browser, browser.get(callback), 400, STALE, "unknown_state")
    assert not okta.forms("/token")


def test_nobody_can_come_back_who_has_not_gone(browser, okta):
    assert refused(browser, browser.get(CALLBACK), 400, STALE, "unknown_state")
    assert refused(browser, browser.get(f"{CALLBACK}?code=x&state=y"), 400, STALE, "unknown_state")


def test_a_state_counts_once(browser, okta, ada):
    callback = okta.authorize(begin(browser))
    assert browser.get(callback).status_code == 302
    browser.post("/accounts/sign-out/")
    browser.cookies.clear()
    assert browser.get(callback).status_code == 400
    assert user_of(browser) is None


def test_a_state_counts_once_within_its_own_session(browser, okta):
    callback = okta.authorize(begin(browser), error="access_denied", code=None)
    browser.get(callback)
    assert refused(browser, browser.get(callback), 400, STALE, "unknown_state")


def test_another_browser_has_no_use_for_a_state_and_code(browser, okta, second_browser):
    """Else one could sign somebody into one's own account, or take over a code that leaked."""
    callback = okta.authorize(begin(browser))
    begin(second_browser)
    assert refused(second_browser, second_browser.get(callback), 400, STALE, "unknown_state")


def test_a_state_is_good_for_ten_minutes(browser, okta):
    callback = okta.authorize(begin(browser))
    row = Session.objects.get(session_key=browser.session.session_key)
    content = row.get_decoded()
    for state in content["socialaccount_states"].values():
        state[1] -= timedelta(minutes=10, seconds=1).total_seconds()
    row.session_data = browser.session.encode(content)
    row.save()
    assert refused(browser, browser.get(callback), 400, STALE, "unknown_state")


@pytest.mark.parametrize("repeated", ["state", "code"])
def test_a_parameter_that_comes_twice_counts_for_nothing(browser, okta, repeated):
    callback = okta.authorize(begin(browser))
    assert browser.get(f"{callback}&{repeated}=other").status_code >= 400
    assert user_of(browser) is None


@pytest.mark.parametrize("code", ["", None, "forged", "x" * 5000, "\0", "a&client_id=evil", "ü\r\nX: y"])
def test_a_forged_code_signs_nobody_in(browser, okta, code):
    """It reaches the provider as one value, and its ID token isn't for this sign-in."""
    response = browser.get(okta.authorize(begin(browser), code=code))
    assert refused(browser, response, 502, DOWN, "provider_failed")
    assert all(set(form) == {"grant_type", "code", "redirect_uri", "code_verifier"} for form in okta.forms("/token"))


@pytest.mark.rfc("9207", "2.4")
@pytest.mark.parametrize("iss", ["https://evil.example", None, ""])
def test_the_answer_of_another_issuer_is_refused_before_its_code_is_used(browser, okta, iss):
    response = browser.get(okta.authorize(begin(browser), iss=iss))
    assert refused(browser, response, 502, DOWN, "provider_failed")
    assert not okta.forms("/token")


def test_a_provider_that_names_no_issuer_in_its_answer_is_fine(browser, okta, ada):
    okta.metadata["authorization_response_iss_parameter_supported"] = None
    browser.get(okta.authorize(begin(browser), iss=None))
    assert user_of(browser) == ada.pk


def test_whoever_ends_it_at_the_provider_is_told_so(browser, okta):
    response = browser.get(okta.authorize(begin(browser), error="access_denied", code=None, error_description="<script>Click here</script>"))
    assert refused(browser, response, 403, "You weren’t signed in by Okta", "denied")
    assert "Click here" not in response.content.decode()


@pytest.mark.parametrize("error", ["server_error", "login_required", "<script>", "x" * 100_000, "\0", "🚀"])
def test_other_errors_of_the_provider_are_logged_and_not_shown(browser, okta, error, caplog):
    response = browser.get(okta.authorize(begin(browser), error=error, code=None))
    assert refused(browser, response, 502, DOWN, "provider_failed")
    assert "refused the request" in logged(caplog) or "no code" in logged(caplog)
    assert "<script>" not in response.content.decode().split("</head>")[1].replace('<script src="', "")


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_way_back_is_a_get(browser, okta, method):
    assert getattr(browser, method)(CALLBACK).status_code == 405


def test_too_many_forged_ones_from_one_address_are_not_looked_at(browser, okta, settings):
    settings.FAILURES_PER_CLIENT = 3
    for _ in range(3):
        assert browser.get(f"{CALLBACK}?code=x&state=y").status_code == 400
    response = browser.get(f"{CALLBACK}?code=x&state=y")
    assert (response.status_code, heading(response)) == (429, "Too many tries")
    assert int(response["Retry-After"]) > 0
    assert len(events("user.sign_in_failed")) == 3
    assert browser.get(f"{CALLBACK}?code=x&state=y", REMOTE_ADDR="203.0.113.9").status_code == 400


# The ID token


NOW = int(time.time())
WRONG_CLAIMS = {
    "another issuer": ({"iss": "https://evil.example"}, "another issuer's"),
    "issuer with a slash more": ({"iss": lambda okta: okta.issuer + "/"}, "another issuer's"),
    "no issuer": ({"iss": None}, "another issuer's"),
    "another client": ({"aud": "other"}, "isn't for this client"),
    "no audience": ({"aud": None}, "isn't for this client"),
    "empty audience": ({"aud": []}, "isn't for this client"),
    "a second audience": ({"aud": ["tokenos", "other"]}, "isn't for this client"),
    "a second audience with azp": ({"aud": ["tokenos", "other"], "azp": "tokenos"}, "isn't for this client"),
    "given to another client": ({"azp": "other"}, "given to another client"),
    "expired": ({"exp": NOW - 600}, "has expired"),
    "no exp": ({"exp": None}, "no exp or iat"),
    "exp as text": ({"exp": "tomorrow"}, "no exp or iat"),
    "exp true": ({"exp": True}, "no exp or iat"),
    "exp endless": ({"exp": 10**400}, "no exp or iat"),
    "no iat": ({"iat": None}, "no exp or iat"),
    "of the future": ({"iat": NOW + 7200, "exp": NOW + 9000}, "of the future"),
    "not yet": ({"nbf": NOW + 7200}, "of the future"),
    "another nonce": ({"nonce": "forged"}, "another nonce"),
    "no nonce": ({"nonce": None}, "another nonce"),
    "nonce as list": ({"nonce": ["x"]}, "another nonce"),
    "no subject": ({"sub": None}, "no sub"),
    "empty subject": ({"sub": ""}, "no sub"),
    "subject as number": ({"sub": 7}, "no sub"),
    "long subject": ({"sub": "x" * 192}, "no sub"),
    "subject in other letters": ({"sub": "00u1adä"}, "no sub"),
    "subject with NUL": ({"sub": "00u1ada\0"}, "no sub"),
}


@pytest.mark.parametrize("name", WRONG_CLAIMS)
def test_claims_that_are_not_as_they_have_to_be_are_refused(browser, okta, name, caplog):
    claims, said = WRONG_CLAIMS[name]
    response = come(browser, okta, **{claim: value(okta) if callable(value) else value for claim, value in claims.items()})
    assert refused(browser, response, 502, DOWN, "provider_failed")
    assert said in logged(caplog)


def test_an_audience_as_a_list_of_one_is_fine(browser, okta, ada):
    come(browser, okta, aud=["tokenos"], azp="tokenos")
    assert user_of(browser) == ada.pk


@pytest.mark.parametrize("algorithm", ["RS256", "EdDSA"])
def test_other_signatures_are_fine(browser, okta, ada, algorithm):
    okta.key, okta.algorithm = generate_private_key(algorithm), algorithm
    come(browser, okta)
    assert user_of(browser) == ada.pk


def test_a_key_that_the_provider_does_not_publish_signs_nothing(browser, okta, caplog):
    okta.published = [generate_private_key("ES256").public_jwk]
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")
    assert "isn't signed by a key of the provider" in logged(caplog)


def test_a_key_under_the_kid_of_another_signs_nothing(browser, okta):
    okta.published = [{**generate_private_key("ES256").public_jwk, "kid": okta.key.kid}]
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")


def test_no_signature_is_none(browser, okta, caplog):
    okta.algorithm = "none"
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")


def forge(header, okta, signature="x" * 86):
    claims = {"iss": okta.issuer, "sub": "00u1ada", "aud": "tokenos", "exp": NOW + 300, "iat": NOW, "nonce": okta.asked["nonce"]}
    parts = [base64url.encode(json.dumps(part).encode()) for part in (header, claims)]
    return ".".join([*parts, signature])


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS512", "RS1", "", None, ["ES256"], "ES256K"])
def test_an_algorithm_without_a_key_of_the_provider_is_refused(browser, okta, algorithm):
    callback = okta.authorize(begin(browser))
    okta.tokens["id_token"] = forge({"alg": algorithm, "kid": okta.key.kid}, okta)
    assert refused(browser, browser.get(callback), 502, DOWN, "provider_failed")


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"b64": False}, {"zip": "DEF"}, {"kid": ["x"]}, {"kid": {}}])
def test_a_header_that_changes_how_it_is_read_is_refused(browser, okta, header):
    callback = okta.authorize(begin(browser))
    okta.tokens["id_token"] = forge({"alg": "ES256", "kid": okta.key.kid, **header}, okta)
    assert refused(browser, browser.get(callback), 502, DOWN, "provider_failed")


@pytest.mark.parametrize("id_token", [None, "", "x", "a.b", "a.b.c", "a.b.c.d.e", 7, ["x"], "x" * 50_000, "\0.\0.\0", "🚀.🚀.🚀"])
def test_what_is_no_id_token_is_refused_and_userinfo_does_not_stand_in_for_it(browser, okta, id_token):
    okta.tokens["id_token"] = id_token
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")
    assert not okta.forms("/userinfo")


# Everything else that the provider says


def test_userinfo_about_somebody_else_is_refused(browser, okta, caplog):
    okta.userinfo = {"sub": "00u-mallory", "groups": ["bosses"]}
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")
    assert "somebody else" in logged(caplog)


def test_userinfo_that_names_nobody_is_refused(browser, okta):
    okta.userinfo = {"sub": None, "groups": ["bosses"]}
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")


def test_without_userinfo_the_id_token_is_enough(browser, okta, ada):
    okta.metadata["userinfo_endpoint"] = None
    come(browser, okta)
    assert user_of(browser) == ada.pk


@pytest.mark.parametrize("issuer", ["https://evil.example", None, 7, "\0"])
def test_the_discovery_document_of_another_issuer_is_refused_before_anybody_goes_there(browser, okta, issuer, caplog):
    okta.metadata["issuer"] = issuer
    response = browser.post("/accounts/sso/")
    assert (response.status_code, heading(response)) == (502, DOWN)
    assert "another issuer's" in logged(caplog)


ENDPOINTS = ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"]
PLACES = ["http://localhost/x", "file:///etc/passwd", "//evil.example", "https://a b", "https://x#y", "https://x\r\nX: y", 7, [], {}, "", "https://ü.example"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_that_is_no_https_url_is_refused(browser, okta, name, place):
    okta.metadata[name] = place
    assert browser.post("/accounts/sso/").status_code == 502


def test_a_provider_that_takes_no_secret_is_refused(browser, okta, caplog):
    okta.metadata["token_endpoint_auth_methods_supported"] = ["private_key_jwt"]
    assert browser.post("/accounts/sso/").status_code == 502
    assert "takes no client secret" in logged(caplog)


def test_the_error_of_the_token_endpoint_is_logged(browser, okta, caplog):
    okta.replies["/token"] = respond(json.dumps({"error": "invalid_client", "error_description": "secret"}), status=401)
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")
    assert logged(caplog) == "single sign-on failed: its token endpoint answered with status 401 (invalid_client)"


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
def test_what_is_no_bearer_token_is_not_sent_on(browser, okta, tokens):
    okta.tokens.update(tokens)
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")
    assert not [path for path, *_ in okta.requests if path.endswith("/userinfo")]


def test_a_provider_that_hangs_is_given_up(browser, okta, monkeypatch):
    monkeypatch.setattr(provider_module, "TIMEOUT", 0.6)
    okta.replies["/token"] = lambda _: time.sleep(2)
    callback = okta.authorize(begin(browser))
    started = time.monotonic()
    assert refused(browser, browser.get(callback), 502, DOWN, "provider_failed")
    assert time.monotonic() - started < 1.5


def test_a_provider_that_is_down_is_said_to_be(browser, okta, settings):
    settings.SSO_ISSUER = "https://localhost:1/realms/acme"
    response = browser.post("/accounts/sso/")
    assert (response.status_code, heading(response)) == (502, DOWN)
    assert response["X-Request-Id"] in response.content.decode()


def test_a_certificate_of_another_authority_is_not_trusted(browser, okta, settings, caplog):
    settings.SSO_CA = ""
    assert browser.post("/accounts/sso/").status_code == 502
    assert "certificate of localhost isn't good" in logged(caplog)


@pytest.mark.django_db(transaction=True)
def test_a_provider_that_hangs_leaves_threads_to_everybody_else(okta, monkeypatch):
    monkeypatch.setattr(provider_module, "TIMEOUT", 1.5)
    okta.replies["/.well-known/openid-configuration"] = lambda _: time.sleep(3)

    def start(_):
        try:
            return Browser(raise_request_exception=False).post("/accounts/sso/").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        statuses = sorted(threads.map(start, range(6)))
    assert statuses == [502] * session_module.MOST_AT_ONCE + [503] * 3


def test_nothing_half_written_is_left(browser, okta):
    users, links = User.objects.count(), SocialAccount.objects.count()
    come(browser, okta, sub="00u2", email="grace@example.com", groups=["devs"], exp=NOW - 600)
    assert (User.objects.count(), SocialAccount.objects.count()) == (users, links)
    assert not django_settings.DEBUG
