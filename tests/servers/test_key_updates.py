"""A TLS 1.3 client may sometimes change its keys, but a client that does nothing else is cut off. RFC 8446 §4.6.3, §5.2, §7.2."""

import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tests.servers.conftest import Server, read_answer

HANDSHAKE, APPLICATION_DATA = 22, 23
KEY_UPDATE = b"\x18\0\0\1\0"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def server(one_worker: Server) -> Server:
    return one_worker


class Keys:
    """A client's, from the secret that its handshake ended with."""

    def __init__(self, secret: bytes) -> None:
        self._begin(secret)

    def _begin(self, secret: bytes) -> None:
        self.secret, self.count = secret, 0
        self.key, self.iv = AESGCM(self._derive("key", 32)), self._derive("iv", 12)

    def _derive(self, label: str, length: int) -> bytes:
        name = b"tls13 " + label.encode()
        return HKDFExpand(SHA384(), length, length.to_bytes(2) + bytes([len(name)]) + name + b"\0").derive(self.secret)

    def seal(self, content: bytes, kind: int = APPLICATION_DATA) -> bytes:
        head = bytes([APPLICATION_DATA, 3, 3]) + (len(content) + 17).to_bytes(2)
        nonce = (int.from_bytes(self.iv) ^ self.count).to_bytes(12)
        self.count += 1
        return head + self.key.encrypt(nonce, content + bytes([kind]), head)

    def update(self) -> bytes:
        record = self.seal(KEY_UPDATE, HANDSHAKE)
        self._begin(self._derive("traffic upd", 48))
        return record


class Client:
    """A connection whose handshake Python makes, and whose records are made here."""

    def __init__(self, server: Server, folder: Path) -> None:
        context = server.context()
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.keylog_filename = str(folder / "keys")
        self.sock = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.sock.sendall(self.outgoing.read())
                self.incoming.write(self.sock.recv(65_536))
        self.sock.sendall(self.outgoing.read())
        assert self.tls.cipher() == ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256)
        (line,) = [line for line in (folder / "keys").read_text().splitlines() if line.startswith("CLIENT_TRAFFIC_SECRET_0 ")]
        self.keys = Keys(bytes.fromhex(line.split()[2]))

    def read(self) -> bytes:
        """Some of what the server says, b"" where it has closed."""
        while True:
            try:
                return self.tls.read(65_536)
            except ssl.SSLWantReadError:
                received = self.sock.recv(65_536)
                if not received:
                    return b""
                self.incoming.write(received)


@pytest.mark.rfc("8446", "4.6.3")
def test_client_may_change_its_keys_before_each_request(server: Server, tmp_path: Path) -> None:
    client = Client(server, tmp_path)
    with client.sock:
        for _ in range(500):
            client.sock.sendall(client.keys.update() + client.keys.seal(HEALTH))
            assert client.read().startswith(b"HTTP/1.1 200")


def test_client_that_does_nothing_but_change_its_keys_is_cut_off(server: Server, tmp_path: Path) -> None:
    client = Client(server, tmp_path)
    updates = b"".join(client.keys.update() for _ in range(5000))
    with client.sock:
        with suppress(ConnectionError):
            client.sock.sendall(updates + client.keys.seal(HEALTH))
            assert client.read() == b""
        with server.connect() as sock:
            sock.sendall(HEALTH)
            assert read_answer(sock).status == 200
    assert "Traceback" not in server.log.read_text()


def test_client_that_changes_its_keys_twice_before_each_octet_is_cut_off(server: Server, tmp_path: Path) -> None:
    """Its request never ends, so nothing else closes the connection within the time that a body has."""
    client = Client(server, tmp_path)
    client.sock.settimeout(10)
    head = b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n"
    sealed = client.keys.seal(head) + b"".join(client.keys.update() + client.keys.update() + client.keys.seal(b"a") for _ in range(200))
    with client.sock:
        client.sock.sendall(sealed)
        assert client.read() == b""


def test_long_records_that_come_in_parts_are_accepted(server: Server, tmp_path: Path) -> None:
    client = Client(server, tmp_path)
    body = b"a" * 60_000
    head = f"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    request = head.encode() + body
    sealed = b"".join(client.keys.seal(request[place : place + 16_384]) for place in range(0, len(request), 16_384))
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with client.sock:
        for place in range(0, len(sealed), 7000):
            client.sock.sendall(sealed[place : place + 7000])
        assert client.read().startswith(b"HTTP/1.1 400")
