"""Well-formed HTTP with strange content, over the wire: it gets an answer other than 5xx, and the log has no traceback."""

import json
from itertools import product

import pytest

from tests.oauth.proofs import new_key
from tests.servers.conftest import Server, read_answer

TARGETS = [
    b"/%00",
    b"/%ff",
    b"/\xff",
    b"/accounts/reset/%ed%a0%80/",
    b"/accounts/sign-in/?next=%ed%a0%80&a=\xff",
    b"/accounts/sign-in/?" + b"a&" * 1500,
    b"/static/%00",
    b"/static/..%2f..%2fetc/passwd",
    b"/.well-known/%00",
    b"/gateway/%ff/verify",
    b"/gateway/demo/verify?scope=%ff&audience=\xff",
    b"/oauth2/token?%00=%ff",
    b"//localhost/healthz",
    b"http://[/healthz",
    b"https://localhost",
    b"*",
    b"/healthz#fragment",
    b"/metrics?%ff",
    b"/admin/login/?next=http://[",
]
FIELDS = [
    b"X-Nothing: \xff",
    b"Cookie: __Host-session=\xff; __Host-csrf=\xff; a",
    b"Cookie: " + b"a=b; " * 1500,
    b"Origin: http://[",
    b"Referer: http://[",
    b"Accept: \xff",
    b"Accept-Language: \xff",
    b"Authorization: Basic \xff",
    b"Authorization: Bearer " + b"." * 500,
    b"DPoP: \xff\r\nAuthorization: DPoP \xff",
    b"If-Modified-Since: \xff",
    b"Range: bytes=\xb2-",
    b"Expect: 100-continue",
    b"Expect: \xff",
    b"X-Forwarded-For: \xff\r\nX-Forwarded-Proto: \xff\r\nX-Forwarded-Host: [",
    b"Client-Cert: :\xff:",
    b"Content-Type: \xff/\xff;charset=\xff;;=",
    b"Content-Type: application/x-www-form-urlencoded; charset=idna",
    b"Content-Type: multipart/form-data; boundary=\xff",
    b"Content-Type: application/json",
]
BODY = b"email=%00&password=%ed%a0%80&grant_type=\xff"


def assert_clean(server: Server, before: int, statuses: dict[str, int]) -> None:
    assert not {what: status for what, status in statuses.items() if status >= 500 and status != 501}
    lines = [json.loads(line) for line in server.log.read_text()[before:].splitlines() if line.startswith("{")]
    assert not [line for line in lines if "exception" in line or "stack" in line or line["level"] in ("ERROR", "CRITICAL")]
    assert "Traceback" not in server.log.read_text()[before:]


@pytest.mark.parametrize("method", [b"GET", b"POST", b"HEAD", b"OPTIONS", b"TRACE", b"CONNECT", b"X-NOTHING"])
def test_no_target_makes_a_traceback(server: Server, method: bytes) -> None:
    before, statuses = len(server.log.read_text()), {}
    for target in TARGETS:
        head = b"%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (method, target, len(BODY))
        with server.connect() as sock:
            sock.sendall(head + BODY)
            statuses[repr(target)] = read_answer(sock, method.decode()).status
    assert_clean(server, before, statuses)


@pytest.mark.parametrize(
    "path", [b"/accounts/sign-in/", b"/admin/login/", b"/oauth2/token", b"/api/v1/whoami", b"/gateway/demo/verify", b"/static/x", b"/readyz"]
)
def test_no_header_field_makes_a_traceback(server: Server, path: bytes) -> None:
    before, statuses = len(server.log.read_text()), {}
    for method, field in product((b"GET", b"POST"), FIELDS):
        head = b"%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\nContent-Length: %d\r\n\r\n" % (method, path, field, len(BODY))
        statuses[f"{method!r} {field!r}"] = server.exchange(head + BODY).status
    assert_clean(server, before, statuses)


@pytest.mark.parametrize("host", [b"", b"[", b"\xff", b"a b", b"localhost:x", b"evil.example", b"x" * 3000])
def test_no_host_makes_a_traceback(server: Server, host: bytes) -> None:
    before, statuses = len(server.log.read_text()), {}
    for path in (b"/accounts/sign-in/", b"/oauth2/token", b"/healthz", b"/gateway/demo/verify", b"/.well-known/jwks.json"):
        statuses[repr(path)] = server.exchange(b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (path, host)).status
    assert_clean(server, before, statuses)


@pytest.mark.rfc("9112", "3.2")
@pytest.mark.parametrize(
    "target", [b".example/://x/healthz", b"x://localhost/healthz", b"://localhost/healthz", b"https:///healthz", b"healthz", b"https://x%2fy/healthz"]
)
def test_a_malformed_request_target_is_refused(server: Server, target: bytes) -> None:
    assert server.exchange(b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % target).status == 400


@pytest.mark.rfc("9112", "3.2.2")
def test_a_target_in_absolute_form_is_accepted_and_its_host_counts(server: Server) -> None:
    assert server.exchange(b"GET https://elsewhere.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").status == 200
    client = server.manage("create_client", "--workspace", "demo", "--name", "robot")
    body = b"grant_type=client_credentials&client_id=%s&client_secret=%s" % (client["client_id"].encode(), client["client_secret"].encode())
    for target, host, status in ((b"https://localhost", b"elsewhere.example", 200), (b"https://elsewhere.example", b"localhost", 400)):
        proof = new_key().proof("POST", f"{server.url}/oauth2/token").encode()
        head = b"POST %s:%d/oauth2/token HTTP/1.1\r\nHost: %s\r\nDPoP: %s\r\nContent-Length: %d\r\n" % (target, server.port, host, proof, len(body))
        assert server.exchange(head + b"Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n" + body).status == status
