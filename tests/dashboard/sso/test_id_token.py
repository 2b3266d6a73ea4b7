"""Which ID tokens are accepted: OpenID Connect Core 1.0 §3.1.3.7."""

import hmac
import json
import time

import jwt
import pytest

from clients import base64url
from oauth.jose import generate_private_key, load_private_key
from tests.dashboard.sso.conftest import begin, come, user_of
from tests.dashboard.sso.hostility import DOWN, linked, log, refused

__all__ = ["linked", "log"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("linked", "log")]


def test_all_is_well_otherwise_also_with_an_audience_as_a_list_of_one(browser, okta, ada):
    """Otherwise the refusals below would prove nothing."""
    assert come(browser, okta, aud=["tokenos"], azp="tokenos").status_code == 302
    assert user_of(browser) == ada.pk


def in_seconds(seconds):
    return lambda _okta: int(time.time()) + seconds


WRONG_CLAIMS = {
    "another issuer": ({"iss": "https://evil.example"}, "another issuer"),
    "issuer with a slash more": ({"iss": lambda okta: okta.issuer + "/"}, "another issuer"),
    "no issuer": ({"iss": None}, "another issuer"),
    "another client": ({"aud": "other"}, "isn't for this client"),
    "no audience": ({"aud": None}, "isn't for this client"),
    "empty audience": ({"aud": []}, "isn't for this client"),
    "a second audience": ({"aud": ["tokenos", "other"]}, "isn't for this client"),
    "a second audience with azp": ({"aud": ["tokenos", "other"], "azp": "tokenos"}, "isn't for this client"),
    "issued to another client": ({"azp": "other"}, "issued to another client"),
    "expired": ({"exp": in_seconds(-600)}, "has expired"),
    "no exp": ({"exp": None}, "no exp or iat"),
    "exp as text": ({"exp": "tomorrow"}, "no exp or iat"),
    "exp true": ({"exp": True}, "no exp or iat"),
    "exp endless": ({"exp": 10**400}, "no exp or iat"),
    "no iat": ({"iat": None}, "no exp or iat"),
    "from the future": ({"iat": in_seconds(7200), "exp": in_seconds(9000)}, "from the future"),
    "not yet": ({"nbf": in_seconds(7200)}, "from the future"),
    "a nonce that isn't the request's": ({"nonce": "forged"}, "a nonce that isn't the request's"),
    "no nonce": ({"nonce": None}, "a nonce that isn't the request's"),
    "nonce as list": ({"nonce": ["x"]}, "a nonce that isn't the request's"),
    "no subject": ({"sub": None}, "no sub"),
    "empty subject": ({"sub": ""}, "no sub"),
    "subject as number": ({"sub": 7}, "no sub"),
    "long subject": ({"sub": "x" * 192}, "no sub"),
    "subject in other letters": ({"sub": "00u1adä"}, "no sub"),
    "subject with NUL": ({"sub": "00u1ada\0"}, "no sub"),
}


@pytest.mark.parametrize("name", WRONG_CLAIMS)
def test_claims_that_are_not_as_they_have_to_be_are_refused(browser, okta, name, log):
    claims, said = WRONG_CLAIMS[name]
    response = come(browser, okta, **{claim: value(okta) if callable(value) else value for claim, value in claims.items()})
    assert refused(browser, response, 502, DOWN, "provider_failed")
    assert said in log()


@pytest.mark.parametrize("algorithm", ["RS256", "EdDSA", "Ed25519"])
def test_other_signatures_are_fine(browser, okta, ada, algorithm):
    okta.key, okta.algorithm = generate_private_key(algorithm), algorithm
    come(browser, okta)
    assert user_of(browser) == ada.pk


def test_a_key_that_the_provider_does_not_publish_signs_nothing(browser, okta, log):
    okta.published = [generate_private_key("ES256").public_jwk]
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")
    assert "isn't signed with one of the provider's keys" in log()


def test_a_key_under_the_kid_of_another_signs_nothing(browser, okta):
    okta.published = [{**generate_private_key("ES256").public_jwk, "kid": okta.key.kid}]
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")


def test_no_signature_is_none(browser, okta, log):
    okta.algorithm = "none"
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")


def forge(okta, header, signature=b"x" * 64):
    """signature: None for a valid one, by the provider's key."""
    now = int(time.time())
    claims = {"iss": okta.issuer, "sub": "00u1ada", "aud": "tokenos", "exp": now + 300, "iat": now, "nonce": okta.asked["nonce"]}
    signing_input = ".".join(base64url.encode(json.dumps(part).encode()) for part in (header, claims))
    if signature is None:
        signature = jwt.get_algorithm_by_name("ES256").sign(signing_input.encode(), load_private_key(okta.key.private_key))
    return f"{signing_input}.{base64url.encode(signature)}"


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS512", "RS1", "", None, ["ES256"], "ES256K", "RS256", "PS256", "EdDSA", "Ed25519", "Ed448"])
@pytest.mark.parametrize("signature", [b"x" * 64, None])
def test_an_algorithm_without_a_key_of_the_provider_is_refused(browser, okta, algorithm, signature):
    callback = okta.authorize(begin(browser))
    okta.tokens["id_token"] = forge(okta, {"alg": algorithm, "kid": okta.key.kid}, signature)
    assert refused(browser, browser.get(callback), 502, DOWN, "provider_failed")


def test_a_public_key_is_not_accepted_as_a_shared_secret(browser, okta):
    callback = okta.authorize(begin(browser))
    unsigned = forge(okta, {"alg": "HS256", "kid": okta.key.kid}).rpartition(".")[0]
    for secret in (json.dumps(okta.key.public_jwk), okta.key.public_jwk["x"]):
        okta.tokens["id_token"] = f"{unsigned}.{base64url.encode(hmac.digest(secret.encode(), unsigned.encode(), 'sha256'))}"
        assert refused(browser, browser.get(callback), 502, DOWN, "provider_failed")
        callback = okta.authorize(begin(browser))


def test_a_token_made_here_is_fine_with_the_usual_header(browser, okta, ada):
    """Otherwise the refusals around it would prove nothing."""
    callback = okta.authorize(begin(browser))
    okta.tokens["id_token"] = forge(okta, {"alg": "ES256"}, None)
    browser.get(callback)
    assert user_of(browser) == ada.pk


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"b64": False}, {"zip": "DEF"}, {"kid": ["x"]}, {"kid": {}}, {"kid": "another"}])
def test_a_header_that_changes_how_it_is_read_is_refused(browser, okta, header):
    callback = okta.authorize(begin(browser))
    okta.tokens["id_token"] = forge(okta, {"alg": "ES256", "kid": okta.key.kid, **header}, None)
    assert refused(browser, browser.get(callback), 502, DOWN, "provider_failed")


@pytest.mark.parametrize("id_token", [None, "", "x", "a.b", "a.b.c", "a.b.c.d.e", 7, ["x"], "x" * 50_000, "\0.\0.\0", "🚀.🚀.🚀"])
def test_anything_but_an_id_token_is_refused_and_userinfo_does_not_stand_in_for_it(browser, okta, id_token):
    okta.tokens["id_token"] = id_token
    assert refused(browser, come(browser, okta), 502, DOWN, "provider_failed")
    assert not okta.forms("/userinfo")
