"""A TLS 1.2 client and server that send certificates whose keys take OpenSSL seconds to read. RFC 5246 §7.4."""

import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.hostile_keys import certificate, curve_public

HANDSHAKE = 22


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3) + body


def records(data: bytes, size: int = 16_384) -> bytes:
    parts = [data[place : place + size] for place in range(0, len(data), size)]
    return b"".join(struct.pack(">BHH", HANDSHAKE, 0x0303, len(part)) + part for part in parts)


def client_hello(padding: int = 0) -> bytes:
    """padding: the number of additional octets (RFC 7685)."""
    groups, schemes, ciphers = (29, 23, 24), (0x0403, 0x0503, 0x0804, 0x0805, 0x0401), (0xC02B, 0xC02F, 0xC02C, 0xC030)
    pack: Callable[[tuple[int, ...]], bytes] = lambda numbers: struct.pack(f">H{len(numbers)}H", 2 * len(numbers), *numbers)  # noqa: E731
    extensions = b"".join(struct.pack(">HH", kind, len(body)) + body for kind, body in ((10, pack(groups)), (11, b"\1\0"), (13, pack(schemes))))
    if padding:
        extensions += struct.pack(">HH", 21, padding - 4) + bytes(padding - 4)
    return records(message(1, b"\3\3" + os.urandom(32) + b"\0" + pack(ciphers) + b"\1\0" + struct.pack(">H", len(extensions)) + extensions))


def hello_of_a_browser() -> bytes:
    """The first message of a TLS 1.3 client, with a key share, so that the server computes a secret and a signature for it. RFC 8446 §4.1.2."""
    sent = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost").do_handshake()
    return sent.read()


def certificates(count: int, *, size: int = 16_384, one: bytes | None = None) -> bytes:
    """The message after the first one, from client or server. one: another certificate instead."""
    return records(_certificate_message(count * [one or certificate(curve_public())]), size)


def _certificate_message(chain: list[bytes]) -> bytes:
    listed = b"".join(len(one).to_bytes(3) + one for one in chain)
    return message(11, len(listed).to_bytes(3) + listed)


# The beginning of a record with the first part of a ClientHello.
_LIKE_HELLO = b"\1\xff\xff\xff"
# The place of the random number in a ClientHello, and of a certificate's serial number in a message of certificates.
_RANDOM, _SERIAL = 6, 4 + 3 + 3 + 15


def disguised() -> bytes:
    """Certificates in two records, of which the second looks like a ClientHello."""
    whole = _certificate_message(4 * [certificate(curve_public())])
    place = _SERIAL + 2
    return records(whole[:place]) + records(_LIKE_HELLO + whole[place + len(_LIKE_HELLO) :])


def with_hello() -> bytes:
    """ClientHello and certificates in one record."""
    return records(client_hello()[5:] + _certificate_message(4 * [certificate(curve_public())]))


def with_rest_of_hello() -> bytes:
    """ClientHello in two records, of which the second has the certificates as well and looks like a ClientHello."""
    hello = client_hello()[5:]
    rest = _LIKE_HELLO + hello[_RANDOM + len(_LIKE_HELLO) :]
    return records(hello[:_RANDOM]) + records(rest + _certificate_message(4 * [certificate(curve_public())]))


def server_hello(hello: bytes) -> bytes:
    """The answer to a client's first message."""
    session, extensions = hello[43 : 44 + hello[43]], b"\xff\x01\0\x01\0\0\x17\0\0"
    return records(message(2, b"\3\3" + os.urandom(32) + session + b"\xc0\x2b\0" + struct.pack(">H", len(extensions)) + extensions))


@contextmanager
def hostile_server() -> Iterator[int]:
    """A server that sends every peer certificates that take a minute to read. Yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    with listener.accept()[0] as connection:
                        connection.sendall(server_hello(connection.recv(65_536)) + certificates(100))
                        with suppress(OSError):
                            connection.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
