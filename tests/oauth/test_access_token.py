"""JWT access tokens, RFC 9068, verified as a resource server does: with PyJWT and the served JWKS only."""

import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oauth import access_token, jose, signing_keys
from oauth.resource_errors import InvalidTokenError
from tests import factories
from tests.oauth.conftest import reason_of
from tests.oauth.doors import bearer

ISSUER = "https://localhost:8443"
AUDIENCE = f"{ISSUER}/w/demo"


def verify(send, token, *, audience=AUDIENCE):
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(send.get("/.well-known/jwks.json").json()).keys}
    header = jwt.get_unverified_header(token)
    key = keys[header["kid"]]
    required = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]
    return header, jwt.decode(token, key, algorithms=[key.algorithm_name], audience=audience, issuer=ISSUER, options={"require": required})


@pytest.mark.rfc("9068", "2.1")
@pytest.mark.rfc("9068", "2.2")
@pytest.mark.rfc("9068", "4")
def test_pyjwt_verifies_a_token_with_the_served_jwks_alone(send, billing, signing_key):
    header, claims = verify(send, send.token(billing.basic).json()["access_token"])
    assert header == {"typ": "at+jwt", "alg": "ES256", "kid": signing_key.kid}
    assert abs(claims.pop("iat") - time.time()) < 5
    assert abs(claims.pop("exp") - time.time() - 3600) < 5
    assert len(claims.pop("jti")) >= 22
    assert claims == {
        "iss": ISSUER,
        "sub": billing.client_id,
        "client_id": billing.client_id,
        "aud": AUDIENCE,
        "scope": "read write",
        "workspace": "demo",
        "credential_id": billing.secret_id,
    }


@pytest.mark.rfc("9068", "2.1")
@pytest.mark.rfc("8725", "3.1")
@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_each_algorithm_signs_and_verifies(send, billing, algorithm):
    key = factories.create_signing_key(algorithm)
    token = send.token(billing.basic).json()["access_token"]
    header, _ = verify(send, token)
    assert (header["alg"], header["kid"]) == (algorithm, key.kid)
    assert send.get("/api/v1/whoami", bearer(token)).status == 200


@pytest.mark.rfc("7519", "4.1.3")
def test_one_audience_is_a_string_and_several_are_a_list(send, demo, make):
    one, two = make(demo, audiences=("https://a.example.com",)), make(demo, audiences=("https://a.example.com", "https://b.example.com"))
    assert verify(send, send.token(one.basic).json()["access_token"], audience="https://a.example.com")[1]["aud"] == "https://a.example.com"
    claims = verify(send, send.token(two.basic).json()["access_token"], audience="https://b.example.com")[1]
    assert claims["aud"] == ["https://a.example.com", "https://b.example.com"]


@pytest.mark.rfc("9068", "2.2")
def test_no_two_tokens_have_the_same_jti(send, billing):
    assert len({verify(send, send.token(billing.basic).json()["access_token"])[1]["jti"] for _ in range(5)}) == 5


def test_issuing_and_verifying_leave_no_row(asgi, billing, django_assert_num_queries):
    asgi.get("/api/v1/whoami", bearer(asgi.token(billing.basic).json()["access_token"]))
    with django_assert_num_queries(1):
        token = asgi.token(billing.basic).json()["access_token"]
    with django_assert_num_queries(1):
        assert asgi.get("/api/v1/whoami", bearer(token)).status == 200


@pytest.mark.rfc("9068", "4")
def test_a_token_ends_with_its_exp(asgi, billing, now, token):
    claims = jwt.decode(token, options={"verify_signature": False})
    last = now.fromtimestamp(claims["exp"] - 0.001, now.tzinfo)
    assert access_token.verify(token, now=last).jti == claims["jti"]
    with pytest.raises(InvalidTokenError) as refused:
        access_token.verify(token, now=now.fromtimestamp(claims["exp"], now.tzinfo))
    assert refused.value.reason.code == "token_expired"
    assert refused.value.client.client_id == billing.client_id


def test_a_token_of_another_issuer_url_is_refused(send, billing, token, settings):
    settings.ISSUER_URL = "https://moved.example.com"
    answer = send.get("/api/v1/whoami", bearer(token))
    assert answer.error == (401, "invalid_token")
    assert reason_of(answer.request_id) == "other_issuer"


def test_a_token_that_names_another_workspace_than_its_client_s_is_refused(send, signing_key, token):
    """As for a client that a restored backup put into another workspace."""
    key = signing_keys.signing_key(signing_key.kid)
    claims = {**jwt.decode(token, options={"verify_signature": False}), "workspace": "other"}
    answer = send.get("/api/v1/whoami", bearer(jose.sign(claims, key=key.key, algorithm=key.algorithm, kid=key.kid, typ="at+jwt")))
    assert answer.error == (401, "invalid_token")
    assert reason_of(answer.request_id) == "other_issuer"


def part(claims):
    return jwt.utils.base64url_encode(json.dumps(claims).encode()).decode()


def with_header(token, **changes):
    _, payload, signature = token.split(".")
    return f"{part({**jwt.get_unverified_header(token), **changes})}.{payload}.{signature}"


FORGERIES = {
    "alg none": lambda token, _: with_header(token, alg="none"),
    "alg none, no signature": lambda token, _: with_header(token, alg="none").rpartition(".")[0] + ".",
    "alg of another family": lambda token, _: with_header(token, alg="RS256"),
    "no kid": lambda token, _: part({"alg": "ES256", "typ": "at+jwt"}) + token[token.index(".") :],
    "foreign kid": lambda token, _: with_header(token, kid="foreign"),
    "kid is a number": lambda token, _: with_header(token, kid=1),
    "kid is a lone surrogate": lambda token, _: with_header(token, kid="\ud800"),
    "kid holds NUL": lambda token, _: with_header(token, kid="a\0b"),
    "kid is SQL": lambda token, _: with_header(token, kid="' OR 1=1 --"),
    "kid is long": lambda token, _: with_header(token, kid="k" * 4000),
    "typ JWT": lambda token, _: with_header(token, typ="JWT"),
    "typ missing": lambda token, kid: part({"alg": "ES256", "kid": kid}) + token[token.index(".") :],
    "typ is a list": lambda token, _: with_header(token, typ=["at+jwt"]),
    "jku": lambda token, _: with_header(token, jku="https://evil.example.com/jwks.json"),
    "jwk": lambda token, _: with_header(token, jwk={"kty": "oct", "k": "AAAA"}),
    "crit": lambda token, _: with_header(token, crit=["exp"]),
    "b64 false": lambda token, _: with_header(token, b64=False, crit=["b64"]),
    "other payload": lambda token, _: ".".join([token.split(".")[0], part({"client_id": "x"}), token.split(".")[2]]),
    "header is a list": lambda token, _: part([1]) + token[token.index(".") :],
    "header is deep": lambda *_: jwt.utils.base64url_encode(b"[" * 6000).decode() + ".a.b",
    "header is no JSON": lambda token, _: jwt.utils.base64url_encode(b"\xff{").decode() + token[token.index(".") :],
    "signature cut off": lambda token, _: token[:-10],
    "signature empty": lambda token, _: token.rpartition(".")[0] + ".",
    "payload is deep": lambda token, _: f"{token.split('.')[0]}.{jwt.utils.base64url_encode(b'[' * 5000).decode()}.{token.split('.')[2]}",
    "a part more": lambda token, _: token + ".x",
    "padded": lambda token, _: token + "==",
    "longer than 8 KB": lambda token, _: token + "A" * 8192,
    "JSON serialization": lambda token, _: json.dumps({"payload": token, "signatures": []}),
}


@pytest.mark.rfc("8725", "3.2")
@pytest.mark.rfc("9068", "4")
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_invalid_everywhere(asgi, billing, signing_key, token, forgery):
    forged = FORGERIES[forgery](token, signing_key.kid)
    for path in ("/api/v1/whoami", "/gateway/demo/verify"):
        assert asgi.get(path, bearer(forged)).error == (401, "invalid_token")
    assert asgi.post("/oauth2/introspect", {"token": forged}, billing.basic).json() == {"active": False}
    assert asgi.post("/oauth2/revoke", {"token": forged}, billing.basic).status == 200
    assert asgi.get("/api/v1/whoami", bearer(token)).status == 200


@pytest.mark.rfc("8725", "3.1")
def test_the_public_key_is_not_accepted_as_an_hmac_key(asgi, billing, signing_key, token):
    claims = jwt.decode(token, options={"verify_signature": False})
    [jwk] = asgi.get("/.well-known/jwks.json").json()["keys"]
    pem = jwt.PyJWK(jwk).key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{part({'alg': 'HS256', 'typ': 'at+jwt', 'kid': signing_key.kid})}.{part(claims)}"
    forged = f"{signed}.{jwt.utils.base64url_encode(hmac.digest(pem, signed.encode(), hashlib.sha256)).decode()}"
    assert asgi.get("/api/v1/whoami", bearer(forged)).error == (401, "invalid_token")


@pytest.mark.rfc("8725", "3.11")
def test_a_jwt_of_our_key_that_is_no_access_token_is_invalid(asgi, billing, signing_key, token):
    claims = jwt.decode(token, options={"verify_signature": False})
    key = signing_keys.signing_key(signing_key.kid)
    other = jose.sign(claims, key=key.key, algorithm=key.algorithm, kid=key.kid, typ="JWT")
    same = jose.sign(claims, key=key.key, algorithm=key.algorithm, kid=key.kid, typ="application/at+jwt")
    assert asgi.get("/api/v1/whoami", bearer(other)).status == 401
    assert asgi.get("/api/v1/whoami", bearer(same)).status == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jku", "jwk", "x5u", "zip", "cty"])


@pytest.mark.rfc("8725", "3.10")
@settings(max_examples=settings.default.max_examples // 2, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.dictionaries(NAMES, JSON, max_size=5) | JSON, keep=st.booleans())
def test_any_header_of_a_token_is_an_invalid_token(signing_key, now, header, keep):
    if keep and isinstance(header, dict):
        header = {"alg": "ES256", "typ": "at+jwt", "kid": signing_key.kid, **header}
    forged = f"{part(header)}.{part({'sub': 'x'})}.{'A' * 86}"
    with pytest.raises(InvalidTokenError):
        access_token.verify(forged, now=now)


@pytest.mark.rfc("9068", "2.2")
def test_that_of_a_test_client_says_so_and_that_of_a_live_one_has_no_such_claim(send, demo, make):
    live, test = (send.token(make(demo, environment=environment).basic).claims for environment in ("live", "test"))
    assert test["environment"] == "test"
    assert test.keys() - live.keys() == {"environment"}
    assert "environment" not in live
