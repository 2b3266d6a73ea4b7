"""DPoP proofs that the token endpoint accepts, RFC 9449 §4 and §5: each binds the token to its key."""

import jwt
import pytest

from tests.oauth.conftest import reason_of
from tests.oauth.proofs import ISSUER, TOKEN_ENDPOINT, key, now

ALGORITHMS = ["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA", "Ed25519"]


@pytest.mark.rfc("9449", "5")
@pytest.mark.rfc("9449", "6.1")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_good_proof_of_every_algorithm_binds_the_token(send, billing, algorithm):
    signed = key(algorithm)
    answer = send.token(billing.basic, headers=signed.sent())
    assert answer.status == 200, reason_of(answer.request_id)
    assert answer.json()["token_type"] == "DPoP"
    assert "dpop-nonce" not in answer.headers
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert claims["cnf"] == {"jkt": signed.jkt}


@pytest.mark.rfc("7519", "2")
@pytest.mark.parametrize("times", [{"iat": 0.5}, {"iat": -70.5}, {"iat": 0.25, "exp": 60.5, "nbf": -0.5}])
def test_times_may_be_fractions(send, billing, times):
    proof = key().sent(**{name: now() + offset for name, offset in times.items()})
    assert [send.token(billing.basic, headers=proof).status for _ in range(2)] == [200, 400]


@pytest.mark.rfc("9864", "2.2")
@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("of_key", ["EdDSA", "Ed25519"])
def test_ed25519_is_a_name_of_eddsa(send, billing, algorithm, of_key):
    signed = key("EdDSA")
    answer = send.token(billing.basic, headers=signed.sent(header={"alg": algorithm, "jwk": {**signed.jwk, "alg": of_key}}))
    assert answer.json()["token_type"] == "DPoP"


@pytest.mark.rfc("9449", "5")
def test_without_proof_the_token_is_a_bearer_token(send, billing):
    answer = send.token(billing.basic)
    assert answer.json()["token_type"] == "Bearer"
    assert "cnf" not in jwt.decode(answer.json()["access_token"], options={"verify_signature": False})


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.parametrize(
    "url",
    [
        f"{TOKEN_ENDPOINT}?grant_type=x", f"{TOKEN_ENDPOINT}#x", f"{TOKEN_ENDPOINT}?x#y", "HTTPS://LOCALHOST:8443/oauth2/token",
        f"{ISSUER}/%6Fauth2/t%6fken", f"{ISSUER}/oauth2/./token", f"{ISSUER}/x/../oauth2/token", f"{ISSUER}/../oauth2/token",
    ],
)  # fmt: skip
def test_url_in_another_spelling_is_the_same(send, billing, url):
    assert send.token(billing.basic, headers=key().sent(htu=url)).status == 200


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("https://tokens.example.com", "https://tokens.example.com:443/oauth2/token"),
        ("https://tokens.example.com:443", "https://Tokens.Example.com/oauth2/token"),
        ("https://tokens.example.com:443", "https://tokens.example.com:/oauth2/token"),
        ("https://[2001:db8::1]:8443", "https://[2001:DB8::1]:8443/oauth2/token"),
        ("https://example.com/tokens", "https://example.com/tokens/oauth2/token"),
    ],
)
def test_issuer_is_what_counts_whatever_host_was_asked(send, billing, settings, issuer, url):
    settings.ISSUER_URL = issuer
    assert send.token(billing.basic, headers=key().sent(htu=url)).status == 200
    refused = send.token(billing.basic, headers=key().sent())
    assert reason_of(refused.request_id) == "dpop_proof_url"


@pytest.mark.rfc("9449", "11.1")
@pytest.mark.parametrize("seconds", [-88, -60, 0, 28])
def test_proof_is_taken_for_60_seconds_and_30_for_the_clocks(send, billing, seconds):
    assert send.token(billing.basic, headers=key().sent(iat=now(seconds))).status == 200


@pytest.mark.rfc("9449", "4.2")
def test_what_else_a_proof_holds_does_not_matter(send, billing):
    more = {"exp": now(-28), "nbf": now(28), "nonce": "not asked for", "ath": "nor this", "client": {"name": "x"}}
    head = {"typ": "application/DPoP+JWT", "kid": "1", "jwk": {**key().jwk, "use": "sig", "key_ops": ["verify"], "ext": True, "kid": "1", "alg": "ES256"}}
    assert send.token(billing.basic, headers=key().sent(header=head, **more)).status == 200
    assert send.token(billing.basic, headers=key().sent(jti="j" * 256)).status == 200
    assert send.token(billing.basic, headers=key().sent(jti="\ud800")).status == 200
