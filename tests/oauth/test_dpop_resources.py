"""DPoP at the protected resources, RFC 9449 §7: bound tokens, the proofs that come with them, and the original request behind a gateway."""

from ipaddress import ip_network
from typing import Any

import pytest

from clients.models import Client, RecordedRequest
from tests.oauth.conftest import Program, reason_of
from tests.oauth.doors import ADDRESS, DPOP_CHALLENGE, Answer, Sender, basic, bearer
from tests.oauth.proofs import ISSUER, claims, encode, key, new_key

WHOAMI = "/api/v1/whoami"
VERIFY = "/gateway/demo/verify"
RESOURCES = [WHOAMI, VERIFY]
ORIGINAL = "https://api.example.com/v1/orders"
DPOP_REALM = DPOP_CHALLENGE.partition(", algs")[0]
ALGS = DPOP_CHALLENGE.partition(", ")[2]


def get_token(send: Sender, program: Program, **parameters: str) -> str:
    token: str = send.token(program.basic, parameters, headers=key().sent()).json()["access_token"]
    return token


@pytest.fixture
def token(asgi, billing):
    """Bound to key()."""
    return get_token(asgi, billing)


def use(send: Sender, path: str, presented: str, **options: Any) -> Answer:
    """Present a token with a good proof, but for the options."""
    made = {"method": "GET", "url": ISSUER + path, "token": presented, **options}
    return send.get(path, f"DPoP {presented}", headers=made.pop("key", key()).sent(made.pop("method"), made.pop("url"), **made))


def assert_proof_refused(answer: Answer, reason: str) -> None:
    assert answer.error == (401, "invalid_dpop_proof")
    description = "The DPoP proof is missing, malformed, expired, used before, or not meant for this request."
    challenge = f'{DPOP_REALM}, error="invalid_dpop_proof", error_description="{description}", {ALGS}, Bearer realm="TokenOS"'
    assert answer.challenges == challenge
    assert answer.headers["cache-control"] == "no-store"
    assert reason_of(answer.request_id) == reason


def assert_token_refused(answer: Answer, reason: str, *, scheme: str = "DPoP") -> None:
    assert answer.error == (401, "invalid_token")
    told = "The token or key is malformed, unknown, expired, revoked or not meant for this resource. "
    told += "The owner of its client finds the reason in the dashboard under the X-Request-Id of this answer."
    error = f', error="invalid_token", error_description="{told}"'
    at_bearer, at_dpop = f'Bearer realm="TokenOS"{error}, {DPOP_CHALLENGE}', f'{DPOP_REALM}{error}, {ALGS}, Bearer realm="TokenOS"'
    assert answer.challenges == (at_bearer if scheme == "Bearer" else at_dpop)
    assert reason_of(answer.request_id) == reason


@pytest.mark.rfc("9449", "7.1")
@pytest.mark.parametrize("path", RESOURCES)
@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP"])
def test_bound_token_with_its_proof_is_good(send, token, path, scheme):
    headers = key().sent("GET", ISSUER + path, token=token)
    answer = send.get(path, f"{scheme} {token}", headers=headers)
    assert answer.status == 200
    assert "dpop-nonce" not in answer.headers


def test_whoami_tells_of_an_access_token(send, token):
    assert use(send, WHOAMI, token).json()["auth_method"] == "access_token"


@pytest.mark.rfc("9449", "4.3")
def test_query_is_no_part_of_what_a_proof_is_for(send, token):
    headers = key().sent("GET", f"{ISSUER}{VERIFY}", token=token)
    assert send.get(VERIFY, f"DPoP {token}", headers=headers, query="scope=read").status == 200


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
def test_proof_is_good_once_wherever_it_is_used(send, token):
    proof = key().sent("GET", ISSUER + WHOAMI, token=token)
    assert send.get(WHOAMI, f"DPoP {token}", headers=proof).status == 200
    assert_proof_refused(send.get(WHOAMI, f"DPoP {token}", headers=proof), "dpop_proof_replayed")


@pytest.mark.rfc("9449", "11.1")
def test_jti_of_the_token_request_is_used_up_here_too(send, billing):
    token = send.token(billing.basic, headers=key().sent(jti="mine")).json()["access_token"]
    assert_proof_refused(use(send, WHOAMI, token, jti="mine"), "dpop_proof_replayed")


@pytest.mark.rfc("9449", "7.1")
@pytest.mark.parametrize("path", RESOURCES)
def test_another_keys_proof_is_no_key_binding(send, token, path):
    assert_token_refused(use(send, path, token, key=new_key()), "dpop_other_key")
    proof = {"jti": "kept"}
    assert use(send, path, token, key=new_key(), **proof).status == 401
    assert use(send, path, token, **proof).status == 200


@pytest.mark.rfc("9449", "7.2")
@pytest.mark.parametrize("path", RESOURCES)
@pytest.mark.parametrize("with_proof", [False, True])
def test_bound_token_is_no_bearer_token(send, token, path, with_proof):
    headers = key().sent("GET", ISSUER + path, token=token) if with_proof else {}
    assert_token_refused(send.get(path, bearer(token), headers=headers), "dpop_token_as_bearer", scheme="Bearer")


@pytest.mark.rfc("9449", "7.1")
@pytest.mark.parametrize("path", RESOURCES)
def test_bearer_token_is_not_taken_under_dpop(send, billing, path):
    token = send.token(billing.basic).json()["access_token"]
    assert_token_refused(use(send, path, token), "bearer_token_under_dpop")


@pytest.mark.rfc("9449", "7.1")
@pytest.mark.parametrize("credentials", ["", "a.b.c", "x", "é.é.é", "x" * 9000])
def test_bad_token_under_dpop_is_challenged_under_dpop(send, demo, credentials):
    answer = send.get(WHOAMI, f"DPoP {credentials}", headers=key().sent("GET", ISSUER + WHOAMI))
    assert answer.error == (401, "invalid_token")
    assert f'{DPOP_REALM}, error="invalid_token"' in answer.challenges


def test_secret_is_no_token_under_dpop(send, billing):
    assert send.get(WHOAMI, f"DPoP {billing.secret}", headers=key().sent("GET", ISSUER + WHOAMI)).error == (401, "invalid_token")


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


def test_dead_token_is_dead_whatever_the_proof(send, billing, token):
    send.post("/oauth2/revoke", {"token": token}, billing.basic)
    assert_token_refused(use(send, WHOAMI, token), "token_revoked")


@pytest.mark.rfc("9449", "6.2")
def test_introspection_tells_the_type_and_the_key(send, billing, token):
    answer = send.post("/oauth2/introspect", {"token": token}, billing.basic).json()
    assert (answer["active"], answer["token_type"], answer["cnf"]) == (True, "DPoP", {"jkt": key().jkt})
    unbound = send.post("/oauth2/introspect", {"token": send.token(billing.basic).json()["access_token"]}, billing.basic).json()
    assert (unbound["active"], unbound["token_type"], "cnf" in unbound) == (True, "Bearer", False)


# Behind a gateway: the proof is for the original request


@pytest.fixture
def proxied(settings):
    settings.TRUSTED_PROXIES = [ip_network(ADDRESS)]
    # Django's door asks for it, the server's doesn't.
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "api.example.com"]


def ask(send: Sender, token: str, *, method: str, url: str, path: str = VERIFY, asked: str = "GET", **said: str) -> Answer:
    """As a proxy does. method, url: what the proof is for. said: forwarded headers, with _ for -."""
    headers = {"Authorization": f"DPoP {token}", "X-Forwarded-Proto": "https", **key().sent(method, url, token=token)}
    return send(asked, path, headers=headers | {f"X-Forwarded-{name}": value for name, value in said.items()}, query="scope=read")


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize(
    ("url", "said"),
    [
        (ORIGINAL, {"Host": "api.example.com", "Uri": "/v1/orders", "Method": "PATCH"}),
        (ORIGINAL, {"Host": "api.example.com:443", "Uri": "/v1/orders?limit=1", "Method": "PATCH"}),
        ("https://api.example.com:8443/a%2Fb%20c", {"Host": "API.example.com:8443", "Uri": "/a%2fb%20c?", "Method": "PATCH"}),
        ("https://api.example.com/", {"Host": "api.example.com", "Uri": "/", "Method": "PATCH"}),
    ],
)
def test_trusted_proxys_word_on_the_original_request_counts(send, token, url, said):
    assert ask(send, token, method="PATCH", url=url, **said).status == 200
    assert_proof_refused(ask(send, token, method="GET", url=url, **said), "dpop_proof_method")
    assert_proof_refused(ask(send, token, method="PATCH", url=ISSUER + VERIFY, **said), "dpop_proof_url")
    assert_proof_refused(ask(send, token, method="PATCH", url=url + "x", **said), "dpop_proof_url")
    assert_proof_refused(ask(send, token, method="PATCH", url=url.replace("api", "evil"), **said), "dpop_proof_url")


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("below", ["/v1/orders", "/", "/a%2Fb%20c", "//x", "/v1/orders:search"])
def test_envoy_appends_the_original_path_and_keeps_the_method(asgi, token, below):
    headers = {"Host": "api.example.com", "Authorization": f"DPoP {token}", "X-Forwarded-Proto": "https"}
    for url, status in ((f"https://api.example.com{below}", 200), (ISSUER + VERIFY + below, 401), (f"https://api.example.com{below}x", 401)):
        answer = asgi("PUT", VERIFY + below, headers=headers | key().sent("PUT", url, token=token))
        assert answer.status == status


@pytest.mark.usefixtures("proxied")
def test_server_that_keeps_no_raw_path_encodes_it_again(send, token):
    headers = {"Host": "localhost", "X-Forwarded-Host": "localhost", "Authorization": f"DPoP {token}", "X-Forwarded-Proto": "https"}
    assert send.get(f"{VERIFY}/a%20b:c", headers=headers | key().sent("GET", "https://localhost/a%20b:c", token=token)).status == 200


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("said", [{}, {"Method": "PATCH"}, {"Uri": ""}, {"Uri": "", "Method": "", "Host": ""}, {"Host": "api.example.com"}])
def test_where_the_proxy_says_no_url_the_request_itself_counts(asgi, token, said):
    assert ask(asgi, token, method="GET", url=ISSUER + VERIFY, **said).status == 200


MALFORMED: list[tuple[str, dict[str, str]]] = [
    ("no path", {"Uri": "v1"}), ("a blank", {"Uri": "/a b"}), ("a whole URL", {"Uri": "https://api.example.com/"}), ("an octet above ASCII", {"Uri": "/\xe9"}),
    ("too long a URL", {"Uri": f"/v1?{'x' * 8000}"}), ("two URLs", {"Uri": "/a, /b"}), ("two hosts", {"Host": "a,b", "Uri": "/v1"}),
    ("a host with a blank", {"Host": "a b"}), ("a host with a path", {"Host": "api.example.com/", "Uri": "/v1"}), ("a blank method", {"Method": "a b"}),
    ("two methods", {"Method": "PATCH,GET", "Uri": "/v1"}), ("too long a method", {"Method": "X" * 33, "Uri": "/v1"}),
    ("a method above ASCII", {"Method": "\xe9"}),
]  # fmt: skip


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("said", [pytest.param(said, id=name) for name, said in MALFORMED])
def test_no_proof_is_for_a_request_that_cannot_be_read(asgi, token, said):
    """What a caller may write into its request line must not turn the proxy's request into one for our own URL."""
    as_said = f"https://{said.get('Host', 'localhost')}{said.get('Uri', '/v1')}"
    for method, url in (("GET", ISSUER + VERIFY), ("GET", ORIGINAL), (said.get("Method", "GET"), as_said)):
        assert_proof_refused(ask(asgi, token, method=method, url=url, **said), "dpop_target_malformed")


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize(
    ("path", "said"), [(f"{VERIFY}/v1", {"Host": "a b"}), (VERIFY, {"Host": "a,b", "X-Forwarded-Uri": "/v1"}), (VERIFY, {"X-Forwarded-Uri": "/v1"})]
)
def test_no_proof_is_for_a_request_whose_host_cannot_be_read(asgi, token, path, said):
    """Envoy leaves the caller's own Host, and appends the path."""
    headers = {"Authorization": f"DPoP {token}", "X-Forwarded-Proto": "https", **said}
    assert_proof_refused(asgi("GET", path, headers=headers | key().sent("GET", ISSUER + path, token=token)), "dpop_target_malformed")


@pytest.mark.usefixtures("proxied")
def test_other_credentials_pass_whatever_the_proxy_says_of_the_request(asgi, billing):
    for _, said in MALFORMED:
        headers = {"X-Forwarded-Proto": "https"} | {f"X-Forwarded-{name}": value for name, value in said.items()}
        assert asgi.get(VERIFY, billing.basic, headers=headers).status == 200


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("url", ["", "nonsense", "https://api.example.com/a|c", "https://api.example.com/a%7Cb"])
def test_no_other_url_is_like_one_that_is_malformed(asgi, token, url):
    """What a caller may write into its request line is no URL yet."""
    said = {"Host": "api.example.com", "Uri": "/a|b"}
    assert_proof_refused(ask(asgi, token, method="GET", url=url, **said), "dpop_proof_url")


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("said", [{}, {"Method": ""}])
def test_where_the_proxy_says_no_method_the_own_one_counts(asgi, token, said):
    assert ask(asgi, token, method="GET", url=ORIGINAL, Host="api.example.com", Uri="/v1/orders", **said).status == 200


@pytest.mark.usefixtures("proxied")
def test_original_query_is_not_kept(asgi, token):
    answer = ask(asgi, token, method="GET", url=ISSUER, Host="api.example.com", Uri="/v1/orders?password=hunter2")
    detail = RecordedRequest.objects.get(request_id=answer.request_id).detail
    assert "https://api.example.com/v1/orders" in detail
    assert "hunter2" not in detail


@pytest.mark.rfc("9449", "4.3")
def test_nobody_else_can_say_what_the_original_request_was(send, token):
    said = {"Host": "api.example.com", "Uri": "/v1/orders", "Method": "PATCH"}
    assert_proof_refused(ask(send, token, method="PATCH", url=ORIGINAL, **said), "dpop_proof_method")
    assert_proof_refused(ask(send, token, method="GET", url=ORIGINAL, **said), "dpop_proof_url")
    assert ask(send, token, method="GET", url=ISSUER + VERIFY, **said).status == 200


@pytest.mark.rfc("9449", "4.3")
def test_host_that_the_caller_chose_does_not_count(asgi, token):
    """So that a proof that was made for another server doesn't do here."""
    for path, host in ((f"{VERIFY}/v1", "evil.example.com"), (WHOAMI, "127.0.0.1")):
        headers = {"Host": host, "Authorization": f"DPoP {token}"}
        for url, status in ((f"https://{host}{path}", 401), (f"https://{host}/v1", 401), (ISSUER + path, 200)):
            assert asgi.get(path, headers=headers | key().sent("GET", url, token=token)).status == status


@pytest.mark.usefixtures("proxied")
def test_whoami_is_never_another_request(send, token):
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "localhost", "X-Forwarded-Uri": "/v1/orders", "X-Forwarded-Method": "PATCH"}
    assert send.get(WHOAMI, f"DPoP {token}", headers=headers | key().sent("GET", ISSUER + WHOAMI, token=token)).status == 200


# A client that must use DPoP


@pytest.fixture
def bound_only(billing):
    Client.objects.filter(pk=billing.client.pk).update(require_dpop=True)
    return billing


@pytest.mark.parametrize("path", RESOURCES)
def test_secret_of_a_client_that_must_use_dpop_is_no_credential_here(send, bound_only, path):
    for authorization, error in ((bound_only.basic, "invalid_client"), (bearer(bound_only.secret), "invalid_token")):
        answer = send.get(path, authorization, headers=key().sent("GET", ISSUER + path))
        assert answer.error == (401, error)
        assert reason_of(answer.request_id) == "bound_token_required"
    assert send.get(VERIFY, headers={"X-API-Key": bound_only.secret}).error == (401, "invalid_token")
    assert use(send, path, get_token(send, bound_only)).status == 200


def test_such_a_clients_earlier_bearer_token_is_dead(send, billing):
    token = send.token(billing.basic).json()["access_token"]
    assert send.get(WHOAMI, bearer(token)).status == 200
    Client.objects.filter(pk=billing.client.pk).update(require_dpop=True)
    assert_token_refused(send.get(WHOAMI, bearer(token)), "token_not_bound", scheme="Bearer")
    assert send.post("/oauth2/introspect", {"token": token}, billing.basic).json() == {"active": False}


def test_wrong_secret_of_such_a_client_tells_nothing_more(send, bound_only):
    answer = send.get(WHOAMI, basic(bound_only.client_id, "wrong"))
    assert (answer.error, reason_of(answer.request_id)) == ((401, "invalid_client"), "not_a_secret")
