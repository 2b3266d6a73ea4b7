"""Tokens that are bound to a key, RFC 9449 §7, and the proofs that come with them. The original request behind a gateway is in test_gateway_dpop.py."""

from typing import Any

import pytest

from clients.models import Client
from tests.oauth.bound_tokens import ALGS, DPOP_REALM, VERIFY, WHOAMI, assert_proof_refused, get_token
from tests.oauth.conftest import reason_of
from tests.oauth.doors import DPOP_CHALLENGE, Answer, Sender, basic, bearer
from tests.oauth.proofs import ISSUER, claims, encode, key, new_key

RESOURCES = [WHOAMI, VERIFY]


@pytest.fixture
def token(asgi, billing):
    """Bound to key()."""
    return get_token(asgi, billing)


def use(send: Sender, path: str, presented: str, **options: Any) -> Answer:
    """Present a token with a valid proof, except for the options."""
    made = {"method": "GET", "url": ISSUER + path, "token": presented, **options}
    return send.get(path, f"DPoP {presented}", headers=made.pop("key", key()).sent(made.pop("method"), made.pop("url"), **made))


def assert_token_refused(answer: Answer, reason: str, *, scheme: str = "DPoP") -> None:
    assert answer.error == (401, "invalid_token")
    told = "The token or key is malformed, unknown, expired, revoked or not meant for this resource. "
    told += "The client's owner can look up the reason in the dashboard by this response's X-Request-Id."
    error = f', error="invalid_token", error_description="{told}"'
    at_bearer, at_dpop = f'Bearer realm="TokenOS"{error}, {DPOP_CHALLENGE}', f'{DPOP_REALM}{error}, {ALGS}, Bearer realm="TokenOS"'
    assert answer.challenges == (at_bearer if scheme == "Bearer" else at_dpop)
    assert reason_of(answer.request_id) == reason


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.rfc("9449", "7.1")
def test_bound_token_with_its_proof_is_good_whatever_the_query(send, token):
    for path in RESOURCES:
        for scheme in ("DPoP", "dpop", "DPOP"):
            answer = send.get(path, f"{scheme} {token}", headers=key().sent("GET", ISSUER + path, token=token), query="scope=read")
            assert answer.status == 200
            assert "dpop-nonce" not in answer.headers
    assert use(send, WHOAMI, token).json()["auth_method"] == "access_token"


@pytest.mark.parametrize("method", ["HEAD", "POST", "DELETE", "PROPFIND"])
def test_method_is_the_one_of_the_request(send, token, method):
    for made, status in ((method, 200), ("GET", 401)):
        headers = {"Authorization": f"DPoP {token}", **key().sent(made, ISSUER + VERIFY, token=token)}
        assert send(method, VERIFY, headers=headers).status == status


OTHER_TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.c2ln"
REFUSED_PROOFS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("for another method", "4.3", "dpop_proof_method", {"method": "POST"}),
    ("for the token endpoint", "4.3", "dpop_proof_url", {"url": f"{ISSUER}/oauth2/token"}),
    ("for another server", "4.3", "dpop_proof_url", {"url": f"https://api.example.com{WHOAMI}"}),
    ("without ath", "4.3", "dpop_proof_token", {"token": None}),
    ("with another token's ath", "4.3", "dpop_proof_token", {"token": OTHER_TOKEN}),
    ("with an empty ath", "4.3", "dpop_proof_token", {"ath": ""}),
    ("with an ath that is no string", "4.3", "dpop_proof_token", {"ath": ["x"]}),
    ("too old", "11.1", "dpop_proof_time", {"iat": 1}),
    ("without jti", "4.2", "dpop_proof_jti", {"jti": None}),
    ("of another type", "4.3", "dpop_proof_typ", {"header": {"typ": "JWT"}}),
    ("with another algorithm", "4.3", "dpop_proof_algorithm", {"header": {"alg": "RS256"}}),
    ("with a key that isn't its own", "4.3", "dpop_proof_signature", {"header": {"jwk": new_key().jwk}}),
]


@pytest.mark.rfc("9449", "7.1")
@pytest.mark.parametrize("path", RESOURCES)
@pytest.mark.parametrize(("reason", "options"), [pytest.param(reason, options, id=f"{name}, {section}") for name, section, reason, options in REFUSED_PROOFS])
def test_refused_proof_is_a_challenge(send, token, path, reason, options):
    assert_proof_refused(use(send, path, token, **options), reason)


@pytest.mark.rfc("9449", "4.3")
def test_ath_that_is_null_is_as_good_as_none(send, token):
    proof = key().sign(encode(key().header()), encode({**claims("GET", ISSUER + WHOAMI), "ath": None}))
    assert_proof_refused(send.get(WHOAMI, f"DPoP {token}", headers={"DPoP": proof}), "dpop_proof_token")


@pytest.mark.rfc("9449", "7.1")
@pytest.mark.parametrize("path", RESOURCES)
@pytest.mark.parametrize(
    ("headers", "reason"), [({}, "dpop_proof_missing"), ({"DPoP": ""}, "dpop_proof_malformed"), ({"DPoP": "a.b.c,a.b.c"}, "dpop_proof_repeated")]
)
def test_bound_token_without_one_proof_is_refused(send, token, path, headers, reason):
    assert_proof_refused(send.get(path, f"DPoP {token}", headers=headers), reason)


@pytest.mark.rfc("9449", "11.1")
def test_proof_is_good_once_wherever_it_is_used_and_the_jti_of_the_token_request_is_used_up_here_too(send, billing):
    token = send.token(billing.basic, headers=key().sent(jti="mine")).json()["access_token"]
    assert_proof_refused(use(send, WHOAMI, token, jti="mine"), "dpop_proof_replayed")
    proof = key().sent("GET", ISSUER + WHOAMI, token=token)
    assert send.get(WHOAMI, f"DPoP {token}", headers=proof).status == 200
    assert_proof_refused(send.get(WHOAMI, f"DPoP {token}", headers=proof), "dpop_proof_replayed")


@pytest.mark.rfc("9449", "7.1")
@pytest.mark.parametrize("path", RESOURCES)
def test_another_keys_proof_is_no_key_binding(send, token, path):
    assert_token_refused(use(send, path, token, key=new_key()), "dpop_other_key")
    proof = {"jti": "kept"}
    assert use(send, path, token, key=new_key(), **proof).status == 401
    assert use(send, path, token, **proof).status == 200


@pytest.mark.rfc("9449", "7.1")
@pytest.mark.rfc("9449", "7.2")
def test_bound_token_is_no_bearer_token_and_a_bearer_token_is_not_taken_under_dpop(send, billing, token):
    plain = send.token(billing.basic).json()["access_token"]
    for path in RESOURCES:
        for headers in ({}, key().sent("GET", ISSUER + path, token=token)):
            assert_token_refused(send.get(path, bearer(token), headers=headers), "dpop_token_as_bearer", scheme="Bearer")
        assert_token_refused(use(send, path, plain), "bearer_token_under_dpop")


@pytest.mark.rfc("9449", "7.1")
def test_bad_token_and_a_secret_under_dpop_are_challenged_under_dpop(send, billing):
    for credentials in ("", "a.b.c", "x", "é.é.é", "x" * 9000, billing.secret):
        answer = send.get(WHOAMI, f"DPoP {credentials}", headers=key().sent("GET", ISSUER + WHOAMI))
        assert answer.error == (401, "invalid_token")
        assert f'{DPOP_REALM}, error="invalid_token"' in answer.challenges


@pytest.mark.rfc("9449", "7.2")
@pytest.mark.parametrize("proof", ["", "x", "x,x"])
def test_proof_beside_other_credentials_proves_nothing_and_is_not_looked_at(send, billing, proof):
    bearer_token = bearer(send.token(billing.basic).json()["access_token"])
    for authorization in (bearer_token, billing.basic, bearer(billing.secret)):
        assert send.get(WHOAMI, authorization, headers={"DPoP": proof}).status == 200


@pytest.mark.rfc("9449", "7.1")
def test_too_few_scopes_are_challenged_under_dpop(send, billing):
    token = get_token(send, billing, scope="read")
    answer = send.get(VERIFY, f"DPoP {token}", headers=key().sent("GET", ISSUER + VERIFY, token=token), query="scope=write")
    assert answer.error == (403, "insufficient_scope")
    assert answer.challenges == f'{DPOP_REALM}, error="insufficient_scope", scope="write", {ALGS}, Bearer realm="TokenOS"'


def test_another_audience_and_another_workspace_are_challenged_under_dpop(send, eves, demo, make):
    token = get_token(send, eves)
    assert_token_refused(use(send, VERIFY, token), "other_workspace")
    program = make(demo, audiences=("https://api.example.com",))
    assert_token_refused(use(send, WHOAMI, get_token(send, program)), "wrong_audience")


@pytest.mark.rfc("9449", "6.2")
def test_introspection_tells_the_type_and_the_key_and_a_dead_token_no_longer_works_whatever_the_proof(send, billing, token):
    answer = send.post("/oauth2/introspect", {"token": token}, billing.basic).json()
    assert (answer["active"], answer["token_type"], answer["cnf"]) == (True, "DPoP", {"jkt": key().jkt})
    unbound = send.post("/oauth2/introspect", {"token": send.token(billing.basic).json()["access_token"]}, billing.basic).json()
    assert (unbound["active"], unbound["token_type"], "cnf" in unbound) == (True, "Bearer", False)
    send.post("/oauth2/revoke", {"token": token}, billing.basic)
    assert_token_refused(use(send, WHOAMI, token), "token_revoked")


# A client that must use DPoP


@pytest.fixture
def bound_only(billing):
    Client.objects.filter(pk=billing.client.pk).update(require_dpop=True)
    return billing


def test_secret_of_a_client_that_must_use_dpop_is_no_credential_here(send, bound_only):
    """A wrong one tells nothing more."""
    token = get_token(send, bound_only)
    for path in RESOURCES:
        for authorization, error in ((bound_only.basic, "invalid_client"), (bearer(bound_only.secret), "invalid_token")):
            answer = send.get(path, authorization, headers=key().sent("GET", ISSUER + path))
            assert answer.error == (401, error)
            assert reason_of(answer.request_id) == "bound_token_required"
        assert use(send, path, token).status == 200
    assert send.get(VERIFY, headers={"X-API-Key": bound_only.secret}).error == (401, "invalid_token")
    wrong = send.get(WHOAMI, basic(bound_only.client_id, "wrong"))
    assert (wrong.error, reason_of(wrong.request_id)) == ((401, "invalid_client"), "not_a_secret")


def test_such_a_clients_earlier_bearer_token_no_longer_works(send, billing):
    token = send.token(billing.basic).json()["access_token"]
    assert send.get(WHOAMI, bearer(token)).status == 200
    Client.objects.filter(pk=billing.client.pk).update(require_dpop=True)
    assert_token_refused(send.get(WHOAMI, bearer(token)), "token_not_bound", scheme="Bearer")
    assert send.post("/oauth2/introspect", {"token": token}, billing.basic).json() == {"active": False}
