"""The server's door and Django's give the same responses; also what only one of them can meet."""

import pytest
from django.urls import resolve, reverse

from tests.oauth.doors import DOORS, FORM, basic, bearer, run_asgi

# Those of Django's middleware, for its pages' sake, and what differs from request to request.
APART = {"x-request-id", "x-frame-options", "referrer-policy", "cross-origin-opener-policy", "permissions-policy"}


def requests(billing):
    good, wrong = billing.basic, basic(billing.client_id, "wrong")
    return {
        "metadata": lambda send: send.get("/.well-known/oauth-authorization-server"),
        "metadata, HEAD": lambda send: send("HEAD", "/.well-known/openid-configuration"),
        "JWKS": lambda send: send.get("/.well-known/jwks.json"),
        "wrong secret": lambda send: send.token(wrong),
        "bad scope": lambda send: send.token(good, {"scope": "admin"}),
        "GET": lambda send: send.get("/oauth2/token"),
        "HEAD": lambda send: send("HEAD", "/oauth2/token"),
        "too large": lambda send: send.post("/oauth2/token", b"a=" + b"x" * 70_000),
        "empty body": lambda send: send.post("/oauth2/token"),
        "nothing there": lambda send: send.post("/oauth2/device", {"grant_type": "client_credentials"}, good),
        "nobody signs in": lambda send: send.get("/oauth2/authorize"),
        "nobody signs in, page": lambda send: send.get("/oauth2/authorize", headers={"Accept": "text/html"}),
        "preflight": lambda send: send("OPTIONS", "/.well-known/jwks.json", headers={"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}),
        "not UTF-8": lambda send: send.post("/oauth2/token", b"a=%ff"),
        "query": lambda send: send.token(good, query="client_secret=%e9"),
        "introspection": lambda send: send.post("/oauth2/introspect", {"token": "x"}, good),
        "revocation": lambda send: send.post("/oauth2/revoke", {"token": "x"}, good),
        "whoami": lambda send: send.get("/api/v1/whoami", good),
        "whoami, HEAD": lambda send: send("HEAD", "/api/v1/whoami", headers={"Authorization": good}),
        "whoami, bad token": lambda send: send.get("/api/v1/whoami", bearer("a.b.c")),
        "whoami, latin-1": lambda send: send.get("/api/v1/whoami", "Basic \xe9\xff"),
        "verify": lambda send: send.get("/gateway/demo/verify/a%0Ab", good),
        "verify, POST": lambda send: send.post("/gateway/demo/verify", b"x" * 70_000, good),
        "verify, scope": lambda send: send.get("/gateway/demo/verify", good, query="scope=%C3%BC+admin"),
        "verify, raw octets": lambda send: send.get("/gateway/demo/verify", good, query="scope=\xe9"),
    }


@pytest.mark.long
def test_both_doors_answer_alike(billing):
    for name, request in requests(billing).items():
        answers = [request(send) for send in DOORS.values()]
        django, asgi = ({key: value for key, value in answer.headers.items() if key not in APART} for answer in answers)
        assert answers[0].status == answers[1].status, name
        assert answers[0].body == answers[1].body, name
        assert {"content-length": str(len(answers[0].body)), **django} == asgi, name
        assert asgi["x-content-type-options"] == "nosniff"
        assert all(answer.request_id for answer in answers)


def chunks(*bodies):
    return [{"type": "http.request", "body": body, "more_body": number < len(bodies)} for number, body in enumerate(bodies, 1)]


def headers(program):
    return {"Authorization": program.basic, "Content-Type": FORM}


def test_a_body_may_come_in_parts(billing):
    events = [*chunks(b"grant_type=client", b"", b"_credentials", b"&scope=read"), {"type": "http.disconnect"}]
    assert run_asgi(events, headers=headers(billing)).json()["scope"] == "read"


def test_an_event_without_a_body_is_an_empty_part(billing):
    events = [{"type": "http.request", "more_body": True}, *chunks(b"grant_type=client_credentials")]
    assert run_asgi(events, headers=headers(billing)).status == 200


def test_no_more_is_read_of_a_body_once_it_is_too_long(billing):
    """run_asgi fails where the application asks for an event that isn't there."""
    events = [{"type": "http.request", "body": b"x" * 40_000, "more_body": True}] * 2
    assert run_asgi(events, headers=headers(billing)).status == 413


def test_a_request_whose_sender_goes_away_is_not_acted_upon(billing, asgi):
    token = asgi.token(billing.basic).json()["access_token"]
    events = [{"type": "http.request", "body": f"token={token}&foo=".encode(), "more_body": True}, {"type": "http.disconnect"}]
    answer = run_asgi(events, path="/oauth2/revoke", headers=headers(billing))
    assert (answer.status, answer.body) == (0, b"")
    assert asgi.get("/api/v1/whoami", bearer(token)).status == 200


def test_a_repeated_header_is_one_value(billing):
    pairs = [("authorization", billing.basic), ("authorization", billing.basic), ("content-type", FORM)]
    assert run_asgi(chunks(b"grant_type=client_credentials"), headers=pairs).error == (400, "invalid_request")


def test_the_body_of_a_request_that_takes_none_is_not_read(billing):
    assert run_asgi([], method="GET", path="/api/v1/whoami", headers=headers(billing)).status == 200
    assert run_asgi([], method="POST", path="/gateway/demo/verify", headers=headers(billing)).status == 200


@pytest.mark.parametrize(
    "path", ["/oauth2/", "/oauth2/token/", "/oauth2/authorize/", "/gateway/demo/", "/.well-known/nothing", "//oauth2/token", "/OAUTH2/TOKEN"]
)
def test_unknown_paths_are_not_found(asgi, billing, path):
    assert asgi.post(path, {"grant_type": "client_credentials"}, billing.basic).error == (404, "invalid_request")


@pytest.mark.parametrize("name", ["token", "introspect", "revoke", "jwks", "whoami"])
def test_django_knows_each_endpoint_by_its_name(name):
    """One pattern that can't be reversed makes every reverse() fail, that of the admin's pages too."""
    assert resolve(reverse(name)).url_name == name
