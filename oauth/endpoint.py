"""The frame of every protocol endpoint: Request and Response, free of any web framework, and the rules that all endpoints share.

An endpoint is a function from Request to Response (with form=True: from Request and Form). It raises OAuthError for whatever it refuses; the
frame renders it, logs its reason and keeps it for the client's owner. RFC 6749 §3.2 and §5.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from oauth.errors import InvalidRequestError

MAX_BODY_BYTES = 64 * 1024

# Parameters that carry a credential, so that they must not stand in a URL, which proxies and browsers log.
_CREDENTIALS = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type", "token", "access_token"})

_NO_STORE = (("Cache-Control", "no-store"),)

logger = logging.getLogger("tokenos.oauth")


@dataclass(frozen=True, slots=True)
class Connection:
    """What the server settled once about a connection, for all that follows.

    remote_address: the caller's IP address as the connection or a trusted proxy shows it, "" where neither does.
    client_certificate: DER, from the TLS handshake or a trusted proxy.
    """

    remote_address: str
    is_secure: bool
    client_certificate: bytes | None
    request_id: str


@dataclass(frozen=True, slots=True)
class Request:
    """headers: lower-case name → value; a repeated header is one value joined by commas. body: None where it was longer than MAX_BODY_BYTES."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | None
    connection: Connection
    now: datetime


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def json(cls, content: Any, *, status: int = 200, headers: tuple[tuple[str, str], ...] = _NO_STORE) -> "Response":
        body = json.dumps(content, separators=(",", ":")).encode()
        return cls(status, body, (("Content-Type", "application/json"), *headers))


@dataclass(frozen=True, slots=True)
class Form:
    """The parameters of a form body. An empty parameter counts as absent (RFC 6749 §3.2)."""

    values: Mapping[str, str]
    resource: tuple[str, ...] = field(default=())
    """Every resource parameter, the only one that may be repeated (RFC 8707 §2)."""

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def require(self, name: str) -> str:
        value = self.values.get(name)
        if value is None:
            raise InvalidRequestError(f"The parameter {name} is missing. Send it in the body, form-encoded.")
        return value


def _parse_pairs(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=100)


def parse_form(request: Request) -> Form:
    """Read an application/x-www-form-urlencoded body (RFC 6749 appendix B). Raise InvalidRequestError if it isn't one."""
    assert request.body is not None
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        raise InvalidRequestError("Send the parameters with Content-Type: application/x-www-form-urlencoded.")
    if not request.body:
        return Form({})
    try:
        pairs = _parse_pairs(request.body.decode("ascii"))
    except ValueError:
        raise InvalidRequestError("The body is not well-formed application/x-www-form-urlencoded in UTF-8.") from None
    values: dict[str, str] = {}
    resource: list[str] = []
    for name, value in pairs:
        if "\0" in value or "\0" in name:
            raise InvalidRequestError("The body contains a NUL character.")
        if not value:
            continue
        if name == "resource":
            resource.append(value)
        elif name in values:
            raise InvalidRequestError("A parameter is repeated. Send each one once.")
        else:
            values[name] = value
    return Form(values, tuple(resource))


def refuse_credentials_in_query(query: str) -> None:
    """RFC 6749 §2.3.1: the parameters can only be transmitted in the request body."""
    if not query:
        return
    for pair in query.replace(";", "&").split("&"):
        if parse_qsl(pair.partition("=")[0] + "=x", errors="replace")[:1] and parse_qsl(pair.partition("=")[0] + "=x", errors="replace")[0][0] in _CREDENTIALS:
            raise InvalidRequestError(
                "Credentials must not stand in the URL. Treat those that were sent there as leaked and send new ones in a header or the body."
            )
