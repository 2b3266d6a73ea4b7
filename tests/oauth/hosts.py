"""Hosts that a test starts on a loopback address, which OUTBOUND_ALLOWED_HOSTS has to allow. They speak TLS."""

import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

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
