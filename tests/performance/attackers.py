"""Strangers who flood a server: a process of their own, with the least share of the CPU, so that what is measured is what the server does for them.

They send to a port of this machine only, from a bounded number of connections, for a bounded time. What they sent is printed as JSON.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, repeat
from urllib.parse import quote

import uvloop

from tests import hostile_handshakes, hostile_keys

# The maximum number of connections at once, and the maximum length of one flood.
MAX_CONNECTIONS = 600
MAX_SECONDS = 60
HEAD = "Host: localhost\r\nX-Forwarded-Proto: https\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"


@dataclass(frozen=True)
class Target:
    """cookie: of a session. form: fields that open a page's form, encoded. extra: what else the flood needs."""

    port: int
    cookie: str = ""
    form: str = ""
    client_id: str = ""


@dataclass
class Sent:
    octets: int = 0
    connections: int = 0
    answers: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Flood:
    """What a connection sends: first once, then the rest, as fast as rate octets or requests a second over all connections allow; reopened where it is closed.

    waits: for the answer to each before the next. is_brief: each connection ends with the first octet of the answer, and rate counts connections. is_direct:
    from an address of their own over TLS, not by the proxy.
    """

    connections: int
    first: bytes
    rest: Callable[[], Iterator[bytes]]
    rate: float
    waits: bool = False
    is_brief: bool = False
    is_direct: bool = False

    def share_of(self, sent: Sent, seconds: float) -> float:
        """Of its rate, what it came to send: little where the server lets it wait, or nothing is left of the CPU for it."""
        done = sum(sent.answers.values()) if self.waits else sent.connections if self.is_brief else sent.octets
        return done / (self.rate * seconds)


def head(method: str, path: str, *lines: str) -> bytes:
    return ("\r\n".join([f"{method} {path} HTTP/1.1", HEAD.strip(), *lines]) + "\r\n").encode()


def post(path: str, body: bytes, *lines: str) -> bytes:
    return head("POST", path, *(lines or (FORM.strip(),)), f"Content-Length: {len(body)}") + b"\r\n" + body


def _chunked(path: str) -> bytes:
    return head("POST", path, FORM.strip(), "Transfer-Encoding: chunked") + b"\r\n"


def _wrong_secret(client_id: str, address: str) -> bytes:
    return post(
        "/oauth2/token",
        f"grant_type=client_credentials&client_id={client_id}&client_secret=tos_live_wrong".encode(),
        FORM.strip(),
        f"X-Forwarded-For: {address}",
    )


def _ipv6() -> str:
    """Another /64 of one /32 each time."""
    return f"2001:db8:{random.randrange(65536):x}:{random.randrange(65536):x}::1"


def _ipv4() -> str:
    return f"100.{random.randrange(64, 128)}.{random.randrange(256)}.{random.randrange(256)}"


def _passwords(target: Target) -> Iterator[bytes]:
    cookie, fields = target.cookie, target.form
    for number in count():
        body = f"{fields}&login=nobody-{number}%40example.com&password=wrong"
        yield post("/accounts/sign-in/", body.encode(), FORM.strip(), f"Cookie: {cookie}", "Referer: https://localhost/", f"X-Forwarded-For: {_ipv4()}")


def _keys(target: Target) -> bytes:
    """A private key with chosen primes, by a hand-over link."""
    fields = f"{target.form}&act=key&public_key={quote(hostile_keys.pem('RSA PRIVATE KEY', hostile_keys.rsa_private()))}"
    return post("/accounts/hand-over/", fields.encode(), FORM.strip(), f"Cookie: {target.cookie}", "Referer: https://localhost/")


def _leak(target: Target) -> bytes:
    text = b"2026-01-01T00:00:00Z GET /orders tos_live_0123456789_x eyJhbGciOiJub25lIn0.e30. 200 OK\n" * 115_000
    mark = "flood-of-log-files"
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in (pair.split("=") for pair in target.form.split("&"))
    ]
    body = "".join(parts).encode() + f'--{mark}\r\nContent-Disposition: form-data; name="leaked_secret_file"; filename="a.log"\r\n\r\n'.encode()
    body += text + f"\r\n--{mark}--\r\n".encode()
    return post("/w/demo/leak/", body, f"Content-Type: multipart/form-data; boundary={mark}", f"Cookie: {target.cookie}", "Referer: https://localhost/")


def _many(path: str) -> bytes:
    """Thirty requests at once."""
    return 30 * (head("GET", path) + b"\r\n")


def make(name: str, target: Target) -> Flood:
    unfinished = head("POST", "/accounts/reset/", FORM.strip(), "Content-Length: 2600000") + b"\r\n"
    reset = post("/accounts/reset/", b"email=" + b"%2541eyJ" * 325_000)
    short = post("/accounts/reset/", b"email=" + b"%2541eyJ" * 8_000)
    tiny = b"GET /oauth2/token HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200
    match name:
        case "chunks":
            return Flood(4, _chunked("/accounts/sign-in/"), lambda: repeat(b"1\r\na\r\n" * 700), 1.5e6)
        case "trailers":
            return Flood(4, _chunked("/oauth2/token") + b"1\r\na\r\n0\r\n", lambda: repeat(b"X-A: a\r\n" * 500), 1.5e6)
        case "headers":
            return Flood(4, head("GET", "/"), lambda: repeat(b"X-A: " + b"a" * 4000 + b"\r\n"), 1.5e6)
        case "pipelined":
            return Flood(4, b"", lambda: repeat(tiny), 1.5e6)
        case "keys":
            return Flood(2, b"", lambda: repeat(_keys(target)), 2, waits=True)
        case "reset":
            return Flood(6, b"", lambda: repeat(reset), 6, waits=True)
        case "reset, short":
            return Flood(6, b"", lambda: repeat(short), 20, waits=True)
        case "unfinished":
            return Flood(100, unfinished + b"a" * 60_000, lambda: iter([b"a" * 2_500_000]), 125e6)
        case "ipv6":
            return Flood(16, b"", lambda: iter(lambda: _wrong_secret(target.client_id, _ipv6()), None), 500, waits=True)
        case "passwords":
            return Flood(16, b"", lambda: _passwords(target), 50, waits=True)
        case "idle":
            return Flood(500, b"", lambda: iter(()), 1e9)
        case "half-open":
            return Flood(500, head("POST", "/oauth2/token"), lambda: iter(()), 1e9)
        case "slow":
            return Flood(200, head("POST", "/oauth2/token", "Content-Length: 1000") + b"\r\n", lambda: repeat(b"a"), 200)
        case "wrong secrets":
            return Flood(16, b"", lambda: repeat(_wrong_secret(target.client_id, "100.64.0.1")), 2000, waits=True)
        case "certificates":
            sent = hostile_handshakes.client_hello() + hostile_handshakes.certificates(12)
            return Flood(8, sent, lambda: iter(()), 1e9)
        case "hellos":
            return Flood(300, hostile_handshakes.hello_of_a_browser(), lambda: iter(()), 600, is_brief=True, is_direct=True)
        case "probes":
            return Flood(30, b"", lambda: repeat(_many("/readyz")), 3000 / 30 * len(_many("/readyz")), is_direct=True)
        case "keys to verify":
            return Flood(30, b"", lambda: repeat(_many("/.well-known/jwks.json")), 3000 / 30 * len(_many("/.well-known/jwks.json")), is_direct=True)
        case "leak files":
            return Flood(8, b"", lambda: repeat(_leak(target)), 8, waits=True)
    raise ValueError(name)


class Attack:
    def __init__(self, flood: Flood, port: int, seconds: float) -> None:
        self.flood = flood
        self.port = port
        self.ends_at = time.monotonic() + seconds
        self.sent = Sent()

    async def run(self) -> Sent:
        await asyncio.gather(*(self.go_on() for _ in range(min(self.flood.connections, MAX_CONNECTIONS))))
        return self.sent

    async def go_on(self) -> None:
        while time.monotonic() < self.ends_at:
            try:
                reader, writer = await self.connect()
            except OSError:
                await asyncio.sleep(0.1)
                continue
            self.sent.connections += 1
            try:
                async with asyncio.timeout(max(self.ends_at - time.monotonic(), 0)):
                    await (self.say(reader, writer) if self.flood.is_brief else self.ask(reader, writer) if self.flood.waits else self.pour(reader, writer))
            except (OSError, TimeoutError, EOFError, ValueError):
                pass
            finally:
                writer.transport.abort()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not self.flood.is_direct:
            return await asyncio.open_connection("127.0.0.1", self.port)
        context = None if self.flood.is_brief else ssl._create_unverified_context()
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=("127.77.0.1", 0), ssl=context)

    async def send(self, writer: asyncio.StreamWriter, octets: bytes) -> None:
        writer.write(octets)
        self.sent.octets += len(octets)
        await writer.drain()

    async def say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        due = time.monotonic() + self.flood.connections / self.flood.rate
        await self.send(writer, self.flood.first)
        await reader.read(1)
        writer.transport.abort()
        await asyncio.sleep(due - time.monotonic())

    async def pour(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        closed = asyncio.ensure_future(self.listen(reader))
        try:
            await self.send(writer, self.flood.first)
            for octets in self.flood.rest():
                if closed.done():
                    return
                await self.send(writer, octets)
                await asyncio.sleep(len(octets) * self.flood.connections / self.flood.rate)
            await closed
        finally:
            closed.cancel()

    async def listen(self, reader: asyncio.StreamReader) -> None:
        while received := await reader.read(65536):
            for line in received.split(b"HTTP/1.1 ")[1:]:
                self.sent.answers[line[:3].decode("latin-1")] += 1

    async def ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pause = self.flood.connections / self.flood.rate
        due = time.monotonic() + random.random() * pause
        for octets in self.flood.rest():
            await asyncio.sleep(max(due - time.monotonic(), 0))
            due = max(due + pause, time.monotonic() - pause)
            await self.send(writer, octets)
            received = (await reader.readuntil(b"\r\n\r\n")).lower()
            self.sent.answers[received[9:12].decode("latin-1")] += 1
            _, found, rest = received.partition(b"content-length:")
            await reader.readexactly(int(rest.partition(b"\r\n")[0]) if found else 0)
            if b"\r\nconnection: close" in received:
                return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("seconds", type=float)
    parser.add_argument("target", help="JSON")
    options = parser.parse_args()
    os.nice(19)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4 * MAX_CONNECTIONS), most))
    target = Target(**json.loads(options.target))
    flood, seconds = make(options.name, target), min(options.seconds, MAX_SECONDS)
    sent = uvloop.run(Attack(flood, target.port, seconds).run())
    said = {"octets": sent.octets, "connections": sent.connections, "answers": sent.answers, "share": flood.share_of(sent, seconds)}
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
