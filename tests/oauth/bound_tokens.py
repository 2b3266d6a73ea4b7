"""Tokens that are bound to key(), and what a bad proof beside them is told."""

from tests.oauth.conftest import Program, reason_of
from tests.oauth.doors import DPOP_CHALLENGE, Answer, Sender
from tests.oauth.proofs import key

DPOP_REALM = DPOP_CHALLENGE.partition(", algs")[0]
ALGS = DPOP_CHALLENGE.partition(", ")[2]
WHOAMI = "/api/v1/whoami"
VERIFY = "/gateway/demo/verify"


def get_token(send: Sender, program: Program, **parameters: str) -> str:
    token: str = send.token(program.basic, parameters, headers=key().sent()).json()["access_token"]
    return token


def assert_proof_refused(answer: Answer, reason: str) -> None:
    assert answer.error == (401, "invalid_dpop_proof")
    description = "The DPoP proof is missing, malformed, expired, used before, or not meant for this request."
    challenge = f'{DPOP_REALM}, error="invalid_dpop_proof", error_description="{description}", {ALGS}, Bearer realm="TokenOS"'
    assert answer.challenges == challenge
    assert answer.headers["cache-control"] == "no-store"
    assert reason_of(answer.request_id) == reason
