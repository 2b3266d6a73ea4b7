"""One connection can't use up the event loop's time or the worker's memory, even if it cuts up its data (RFC 9112)."""

import re
import select
import socket
import ssl

import pytest

from tests.servers.conftest import Answer, Server, read_answer

FORM = b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
PAGE = b"POST /accounts/sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def chunk(octets: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(octets), octets)


ENDLESS = {
    "chunks of one octet": (FORM + CHUNKED + chunk(b"a") * 1000, 400),
    "chunks of one octet for a page": (PAGE + CHUNKED + chunk(b"a") * 1000, 400),
    "chunks of one octet behind a long one": (FORM + CHUNKED + chunk(b"a" * 8192) + chunk(b"a") * 1000, 400),
    "extensions of chunks": (FORM + CHUNKED + (b"10;" + b"a" * 4000 + b"\r\n" + b"a" * 16 + b"\r\n") * 10, 400),
    "zeros before the size of a chunk": (FORM + CHUNKED + (b"0" * 4000 + b"10\r\n" + b"a" * 16 + b"\r\n") * 10, 400),
    "long trailers": (FORM + CHUNKED + chunk(b"a") + b"0\r\n" + (b"X-A: " + b"a" * 4000 + b"\r\n") * 10, 400),
    "many trailers": (FORM + CHUNKED + chunk(b"a") + b"0\r\n" + b"X-A: a\r\n" * 200, 431),
    "long header fields, each of which would do": (FORM + (b"X-A: " + b"a" * 4000 + b"\r\n") * 10, 431),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_request_is_refused_before_it_ends_that_has_far_more_around_its_body_than_in_it(server: Server, name: str) -> None:
    """None of these ever ends, so an answer within the deadline for a body is one that came before."""
    request, status = ENDLESS[name]
    answer = server.exchange(request, timeout=10)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
    assert answer.json()["error"] == "invalid_request"


def test_body_that_drips_in_single_octets_is_refused(server: Server) -> None:
    with server.connect(tls=False) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(FORM + b"Content-Length: 60000\r\n\r\n")
        sent = 0
        while sent < 2000 and not select.select([sock], [], [], 0.001)[0]:
            sock.sendall(b"a")
            sent += 1
        assert b"not well-formed" in read_answer(sock).body


def in_records_of_one_octet(sock: ssl.SSLSocket, octets: bytes) -> None:
    """Send them at once, as no TLS library does, for it would cost it more than it costs the server."""
    for place in range(len(octets)):
        sock.send(octets[place : place + 1])


def test_body_in_tls_records_of_one_octet_is_refused_before_it_ends(server: Server) -> None:
    with server.connect(timeout=10) as sock:
        assert isinstance(sock, ssl.SSLSocket)
        sock.sendall(FORM + b"Content-Length: 60000\r\n\r\n")
        in_records_of_one_octet(sock, b"a" * 30_000)
        assert b"not well-formed" in read_answer(sock).body


def test_short_request_in_tls_records_of_one_octet_is_answered(server: Server) -> None:
    with server.connect() as sock:
        assert isinstance(sock, ssl.SSLSocket)
        for _ in range(20):
            in_records_of_one_octet(sock, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert read_answer(sock).status == 200


CHUNKS = {
    "small ones": [b"a" * 100] * 400,
    "a few of one octet": [b"a"] * 100,
    "one": [b"a" * 60_000],
    "long ones": [b"a" * 20_000] * 3,
}


@pytest.mark.parametrize("name", CHUNKS)
def test_chunked_body_as_programs_send_it_is_read_whole(server: Server, name: str) -> None:
    body = b"grant_type=" + b"".join(CHUNKS[name])
    sent = FORM + CHUNKED + chunk(b"grant_type=") + b"".join(map(chunk, CHUNKS[name])) + b"0\r\nX-Trailer: a\r\n\r\n"
    whole = server.exchange(FORM + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert without_id(server.exchange(sent)) == without_id(whole)


def without_id(answer: Answer) -> tuple[int, bytes]:
    return answer.status, answer.body


@pytest.mark.rfc("9112", "3.2")
@pytest.mark.parametrize(("head", "status"), [("HTTP/1.1\r\n", 400), ("HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", 400), ("HTTP/1.0\r\n", 200)])
def test_request_without_host_or_with_two_is_refused(server: Server, head: str, status: int) -> None:
    """HTTP/1.0 knows no Host."""
    assert server.exchange(f"GET /.well-known/jwks.json {head}\r\n".encode()).status == status


def test_request_behind_another_is_refused_without_host_as_well(server: Server) -> None:
    with server.connect() as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"GET /healthz HTTP/1.1\r\n\r\n")
        assert (read_all := receive(sock)).count(b"HTTP/1.1 200") == 1
        assert read_all.count(b"HTTP/1.1 400") == 1


def receive(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def test_thousands_of_requests_sent_at_once_are_each_answered(server: Server) -> None:
    """Each is parsed once the one before it is answered, and none is lost on the way."""
    one, last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with server.connect() as sock:
        sock.sendall(one * 2000 + last)
        assert receive(sock).count(b"HTTP/1.1 200") == 2001


def test_bodies_between_requests_sent_at_once_are_told_apart(server: Server) -> None:
    forms = [b"grant_type=" + b"a" * size for size in (0, 10, 5000, 30_000, 64_000, 1)]
    plain = b"".join(FORM + b"Content-Length: %d\r\n\r\n" % len(form) + form for form in forms)
    chunked = b"".join(FORM + CHUNKED + chunk(form) + b"0\r\n\r\n" for form in forms)
    with server.connect() as sock:
        sock.sendall(plain + chunked + b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        statuses = re.findall(rb"HTTP/1.1 (\d+)", receive(sock))
    assert len(statuses) == 13
    assert statuses[:6] == statuses[6:12]
    assert statuses[12] == b"404"
