"""Malformed HTTP is refused with a short JSON answer that repeats nothing of it (RFC 9112)."""

import re

import pytest

from tests.servers.conftest import Server, read_answer

POST = b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\n"

MALFORMED = {
    "two different Content-Length": (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
    "Content-Length and Transfer-Encoding": (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "endless Content-Length": (POST + b"Content-Length: " + b"0" * 5000 + b"3\r\n\r\nabc", 400),
    "signed Content-Length": (POST + b"Content-Length: +3\r\n\r\nabc", 400),
    "bare LF": (b"GET /healthz HTTP/1.1\nHost: localhost\n\n", 400),
    "NUL in a value": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n", 400),
    "NUL in the target": (b"GET /health\0z HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "space before the colon": (b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
    "folded line": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: a\r\n b\r\n\r\n", 400),
    "two Host": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
    "lower-case method": (b"get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "no HTTP at all": (b"\x00\x01\x02\x03\x04\x05\r\n\r\n", 400),
    "bad chunk size": (POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    "unknown transfer coding": (POST + b"Transfer-Encoding: unknown, chunked\r\n\r\n", 501),
    "long request line": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    "huge header": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 1_000_000 + b"\r\n\r\n", 431),
    "many headers": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: a\r\n" * 10_000 + b"\r\n", 431),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_request_is_refused_in_json(server: Server, name: str) -> None:
    request, status = MALFORMED[name]
    answer = server.exchange(request)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["connection"] == "close"
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
    content = answer.json()
    assert content["error"] == "invalid_request"
    assert content["error_description"]
    assert len(answer.body) < 200


def test_many_malformed_requests_of_a_peer_get_few_lines_in_the_log(server: Server) -> None:
    """Ten in each worker and minute."""
    before = server.log.read_text().count("Refused with 400")
    for _ in range(100):
        assert server.exchange(b"GET / HTTP/9.9\r\n\r\n").status == 400
    assert server.log.read_text().count("Refused with 400") - before <= 50


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with server.connect() as sock:
        sock.sendall(one + one + last)
        received = b""
        while data := sock.recv(65536):
            received += data
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"200", b"404"]


def test_chunked_body_arrives(server: Server) -> None:
    head = POST + b"Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = server.exchange(head + b"5\r\ngrant\r\n16\r\n_type=urn%3Aunsupported\r\n0\r\n\r\n".replace(b"16", b"%x" % len("_type=urn%3Aunsupported")))
    assert answer.json()["error"] in ("unsupported_grant_type", "invalid_client")


def test_body_over_64_kib_is_refused_though_it_is_still_being_sent(server: Server) -> None:
    head = POST + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000000\r\n\r\n"
    with server.connect() as sock:
        sock.sendall(head)
        for _ in range(76):
            try:
                sock.sendall(b"a" * 65536)
            except (TimeoutError, ConnectionError):
                break
        answer = read_answer(sock)
    assert answer.status == 413
    assert answer.json()["error"] == "invalid_request"


def test_body_that_is_too_large_for_a_page_is_refused_in_json(server: Server) -> None:
    answer = server.exchange(b"POST /accounts/sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n" + b"a" * 3_000_000)
    assert answer.status == 413
    assert answer.json()["error"] == "invalid_request"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]


def test_a_browser_sees_a_page_if_its_body_is_too_large(server: Server) -> None:
    head = b"POST /accounts/sign-in/ HTTP/1.1\r\nHost: localhost\r\nAccept: text/html,*/*\r\nContent-Length: 3000000\r\n\r\n"
    answer = server.exchange(head + b"a" * 3_000_000)
    assert answer.status == 413
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert b"<h1>What you sent is too large</h1>" in re.sub(rb">\s+|\s+<", lambda match: match[0].strip(), answer.body)


def test_chunked_body_for_a_page_arrives(server: Server) -> None:
    """Django answers 403 for the missing CSRF token, and not 400 for a body that it can't read."""
    head = b"POST /accounts/sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n"
    assert server.exchange(head + b"Cookie: a=1\r\nCookie: b=2\r\n\r\n3\r\na=b\r\n0\r\n\r\n").status == 403


def test_head_of_a_page_has_no_body(server: Server) -> None:
    with server.connect() as sock:
        for _ in range(2):
            sock.sendall(b"HEAD /accounts/sign-in/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = read_answer(sock, "HEAD")
            assert (answer.status, answer.body) == (200, b"")


def test_page_whose_sender_leaves_halfway_is_not_called(server: Server) -> None:
    with server.connect() as sock:
        sock.sendall(b"POST /accounts/sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
    assert server.get("/healthz").status_code == 200
    assert "Traceback" not in server.log.read_text()


def test_websocket_upgrade_is_an_ordinary_request(server: Server) -> None:
    answer = server.exchange(
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    assert answer.status == 200
