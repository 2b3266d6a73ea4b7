"""Hosts that a test starts on a loopback address, which OUTBOUND_ALLOWED_HOSTS has to allow. They speak TLS."""

import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from oauth import exchange, fetch
from oauth.fetch import FetchError

Answer = Callable[[ssl.SSLSocket], None]


def respond(body: bytes | str, status: str = "200 OK", headers: str = "", *, length: int | None = None) -> Answer:
    content = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content) if length is None else length}\r\n{headers}\r\n"
    return lambda connection: connection.sendall(head.encode() + content)


def publish(*keys, **more) -> Answer:
    return respond(json.dumps({"keys": [{**one.jwk, **more} for one in keys]}))


@dataclass
class Host:
    """answer: what it does with each connection once it has read the request."""

    port: int
    answer: Answer
    requests: list[bytes] = field(default_factory=list)

    @property
    def uri(self) -> str:
        return f"https://localhost:{self.port}/jwks.json"


def ask_elsewhere(url: str, allowed=("localhost",)) -> str:
    try:
        return fetch.fetch(url, accept="*/*", allowed_hosts=allowed).decode()
    except FetchError as error:
        return str(error)


def order_for(url: str, allowed=("localhost",)) -> exchange.Order:
    parts = urlsplit(url)
    request = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    return {"host": parts.hostname, "port": parts.port or 443, "request": request, "is_open": parts.hostname in allowed, "ca_file": "", "timeout": 60}
