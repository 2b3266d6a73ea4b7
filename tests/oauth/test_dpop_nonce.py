"""Nonces for DPoP proofs, RFC 9449 §8 and §9, if DPOP_NONCE is on."""

from datetime import datetime

import pytest

from oauth.dpop_nonce import SLOT, current_nonce, is_fresh
from tests.oauth.conftest import reason_of
from tests.oauth.doors import DPOP_CHALLENGE
from tests.oauth.proofs import ISSUER, key

WHOAMI = "/api/v1/whoami"
VERIFY = "/gateway/demo/verify"


@pytest.fixture(autouse=True)
def on(settings):
    settings.DPOP_NONCE = True


@pytest.fixture
def nonce(asgi, billing):
    answer = asgi.token(billing.basic, headers=key().sent())
    return answer.headers["dpop-nonce"]


@pytest.fixture
def token(asgi, billing, nonce):
    return asgi.token(billing.basic, headers=key().sent(nonce=nonce)).json()["access_token"]


@pytest.mark.rfc("9449", "8")
@pytest.mark.parametrize("claims", [{}, {"nonce": ""}, {"nonce": "made up"}, {"nonce": 1}, {"nonce": ["x"]}])
def test_proof_without_nonce_is_told_one_with_which_it_is_good(send, billing, claims):
    refused = send.token(billing.basic, headers=key().sent(**claims))
    assert refused.error == (400, "use_dpop_nonce")
    assert reason_of(refused.request_id) == "use_dpop_nonce"
    answer = send.token(billing.basic, headers=key().sent(nonce=refused.headers["dpop-nonce"]))
    assert answer.status == 200
    assert answer.json()["token_type"] == "DPoP"


@pytest.mark.rfc("9449", "8.2")
def test_good_answer_holds_the_nonce_for_the_next_proof(send, billing, nonce, token):
    again = send.token(billing.basic, headers=key().sent(nonce=nonce))
    assert send.token(billing.basic, headers=key().sent(nonce=again.headers["dpop-nonce"])).status == 200
    for path in (WHOAMI, VERIFY):
        answer = send.get(path, f"DPoP {token}", headers=key().sent("GET", ISSUER + path, token=token, nonce=nonce))
        assert answer.status == 200
        assert send.token(billing.basic, headers=key().sent(nonce=answer.headers["dpop-nonce"])).status == 200
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.rfc("9449", "9")
@pytest.mark.parametrize("path", [WHOAMI, VERIFY])
def test_resource_challenges_with_a_nonce(send, token, path):
    refused = send.get(path, f"DPoP {token}", headers=key().sent("GET", ISSUER + path, token=token))
    assert refused.error == (401, "use_dpop_nonce")
    realm, _, algs = DPOP_CHALLENGE.partition(", ")
    description = "The DPoP proof needs the nonce in the DPoP-Nonce header."
    challenge = f'{realm}, error="use_dpop_nonce", error_description="{description}", {algs}, Bearer realm="TokenOS"'
    assert refused.challenges == challenge
    assert reason_of(refused.request_id) == "use_dpop_nonce"
    nonce = refused.headers["dpop-nonce"]
    assert send.get(path, f"DPoP {token}", headers=key().sent("GET", ISSUER + path, token=token, nonce=nonce)).status == 200


def test_answer_to_a_bad_proof_or_to_none_holds_no_nonce(send, billing):
    bad = send.token(billing.basic, headers=key().sent(htm="GET"))
    assert bad.error == (400, "invalid_dpop_proof")
    for answer in (send.token(billing.basic), send.get(WHOAMI, billing.basic)):
        assert answer.status == 200
        assert "dpop-nonce" not in answer.headers
    assert "dpop-nonce" not in bad.headers


def test_proof_that_only_lacked_its_nonce_is_not_used_up(send, billing, nonce):
    assert send.token(billing.basic, headers=key().sent(jti="once")).error == (400, "use_dpop_nonce")
    assert send.token(billing.basic, headers=key().sent(jti="once", nonce=nonce)).status == 200
    assert send.token(billing.basic, headers=key().sent(jti="once", nonce=nonce)).error == (400, "invalid_dpop_proof")


@pytest.mark.rfc("9449", "8")
def test_nonce_is_good_in_its_minute_and_the_next_and_for_a_clock_that_is_a_little_behind(now):
    issued = at(now, 1_800_000_000 // SLOT * SLOT)
    nonce = current_nonce(issued)
    assert len(nonce) >= 22
    for seconds, fresh in ((0, True), (SLOT - 1, True), (SLOT, True), (2 * SLOT - 1, True), (2 * SLOT, False), (-1, True), (-SLOT, True), (-SLOT - 1, False)):
        assert is_fresh(nonce, now=at(now, issued.timestamp() + seconds)) is fresh, seconds


def test_nonce_is_the_same_for_all_who_share_the_key_and_another_under_another_key(now, settings):
    nonce = current_nonce(now)
    assert current_nonce(now) == nonce
    settings.SECRET_KEY = "another-secret-key-" + "0" * 40
    assert current_nonce(now) != nonce
    assert not is_fresh(nonce, now=now)


def at(now: datetime, seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, now.tzinfo)
