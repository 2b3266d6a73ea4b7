"""An endpoint's input and output, independent of any web framework: Request, Response, and the Connection that a request came over.

Objects made for each request are NamedTuples, here and in oauth.registration: a frozen dataclass takes five times as long to make.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

MAX_BODY_BYTES = 64 * 1024

# RFC 6749 §5.1 requires Pragma, for HTTP/1.0 caches.
NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))

_encode_json = json.JSONEncoder(separators=(",", ":")).encode


class Connection(NamedTuple):
    """Facts about a connection, which the server found out once.

    remote_address: the caller's IP address as the connection or a trusted proxy shows it, "" if neither does. client_certificate: DER, from the TLS handshake
    or a trusted proxy. has_malformed_certificate: a trusted proxy passes on something that isn't a certificate. is_own_host: whether the caller used a name in
    ALLOWED_HOSTS, or no name. forwarded_method, forwarded_host, forwarded_uri: parts of the request that a trusted proxy asks about, "" if it doesn't say. URI:
    path and query, encoded. has_malformed_target: the method, host or URI that the proxy sent can't be read.
    """

    remote_address: str
    is_secure: bool
    client_certificate: bytes | None
    request_id: str
    is_own_host: bool = True
    forwarded_method: str = ""
    forwarded_host: str = ""
    forwarded_uri: str = ""
    has_malformed_certificate: bool = False
    has_malformed_target: bool = False


class Request(NamedTuple):
    """headers: lower-case name → value; a repeated header is one value joined by commas. body: None if it was longer than MAX_BODY_BYTES.

    raw_path: path as it was sent, percent-encoded; "" if the server doesn't say. used_jwts: keys of oauth.models.UsedJWT that this request marked itself, so
    that it can be run again, as attempt and _run do.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | None
    connection: Connection
    now: datetime
    used_jwts: set[int]
    raw_path: str = ""

    @property
    def encoded_path(self) -> str:
        """The path, encoded as in a URL."""
        return self.raw_path or quote(self.path, safe="/:@!$&'()*+,;=~")


class Response(NamedTuple):
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def json(cls, content: Any, *, status: int = 200, headers: tuple[tuple[str, str], ...] = NO_STORE) -> "Response":
        return cls(status, _encode_json(content).encode(), (("Content-Type", "application/json"), *headers))
