"""The first message of a TLS peer takes OpenSSL long if it has very many groups and keys. RFC 8446 §4.1.2."""

import socket
import ssl

import pytest

from tests.hostile_handshakes import client_hello, records
from tests.servers.conftest import Server

HANDSHAKE, ALERT = 22, 21


@pytest.fixture(scope="module")
def tls(one_worker: Server) -> Server:
    return one_worker


def kind_of_answer(server: Server, content: bytes) -> int:
    """Of its first record."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
        sock.sendall(content)
        return sock.recv(1)[0]


@pytest.mark.parametrize("padding", [0, 1_000, 3_500])
def test_one_that_a_client_sends_is_answered(tls: Server, padding: int) -> None:
    assert kind_of_answer(tls, client_hello(padding)) == HANDSHAKE
    assert kind_of_answer(tls, records(client_hello(padding)[5:], 64)) == HANDSHAKE


@pytest.mark.parametrize("padding", [4_200, 12_000, 24_000])
@pytest.mark.parametrize("size", [16_384, 4_000, 100])
def test_one_that_is_longer_than_any_is_refused_however_its_records_are_cut(tls: Server, padding: int, size: int) -> None:
    assert kind_of_answer(tls, records(client_hello(padding)[5:] if padding < 16_000 else b"\1" + (padding).to_bytes(3) + bytes(padding), size)) == ALERT


def test_one_whose_first_record_does_not_say_its_length_is_refused(tls: Server) -> None:
    hello = client_hello()[5:]
    assert kind_of_answer(tls, records(hello[:3]) + records(hello[3:])) == ALERT


def test_one_behind_an_empty_record_is_refused(tls: Server) -> None:
    assert kind_of_answer(tls, b"\x16\x03\x01\0\0" + client_hello(6_000)) == ALERT


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_is_kept_that_would_make_it_long_and_take_memory(tls: Server, version: ssl.TLSVersion) -> None:
    context = tls.context()
    context.minimum_version = context.maximum_version = version

    def connect(session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool | None]:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", tls.port), timeout=20), server_hostname="localhost", session=session) as sock:
            sock.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert sock.recv(1000)
            return sock.session, sock.session_reused

    kept, _ = connect(None)
    assert kept is None or not kept.has_ticket
    assert connect(kept)[1] is False
