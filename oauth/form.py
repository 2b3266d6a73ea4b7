"""The parameters of a form body: reading them (RFC 6749 appendix B), and finding credentials in a request that isn't a valid form."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, parse_qsl, unquote_plus

from oauth.errors import CredentialsInQueryError, InvalidRequestError
from oauth.messages import Request

_MAX_PEEKED_BYTES = 2048
# Decoding one takes as long as reading some twenty plain octets. The longest valid form has a few hundred.
MAX_ESCAPES = 4096

# Parameters that carry a credential. They must not be in a URL, because proxies and browsers log URLs.
_CREDENTIALS = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type", "token", "access_token"})


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
    if request.body.count(b"%") > MAX_ESCAPES:
        raise InvalidRequestError(f"The body has more than {MAX_ESCAPES} percent-encoded octets. Send letters, digits, and . - _ as they are.")
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


def refuse_credentials_in_query(query: str, *, allowed: tuple[str, ...] = ()) -> None:
    """RFC 6749 §2.3.1: credentials may only be sent in the request body. allowed: as in CredentialsInQueryError."""
    names = {unquote_plus(pair.partition("=")[0]) for pair in query.split("&")}
    if names & _CREDENTIALS:
        raise CredentialsInQueryError(named_client_id=parse_qs(query, errors="replace").get("client_id", [""])[0], allowed=allowed)


def may_carry_credentials(request: Request) -> bool:
    """Whether any part of the request, well-formed or not, may be a credential. A client that has to rotate its secret is always told so."""
    if request.body is None or not request.headers.keys().isdisjoint(("authorization", "x-api-key")):
        return True
    if request.body.count(b"%") > MAX_ESCAPES:
        return True
    sent = unquote_plus(f"{request.query}&{request.body.decode('latin-1')}").lower()
    return any(word in sent for word in ("secret", "assertion", "token", "tos_"))


def peek_client_id(request: Request) -> str:
    """The unverified client ID in a request that will be refused as malformed, so that the client's owner can see the refusal; "" for none."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() == "basic":
            return base64.b64decode(encoded).decode().partition(":")[0]
    except ValueError:
        return ""
    return peek_parameter(request, "client_id")


def peek_parameter(request: Request, parameter: str) -> str:
    """The first value in the body, "" if none can be read. It looks at bytes, and at no more than _MAX_PEEKED_BYTES of the value: a refused form has already
    been parsed once, and must cost no more than a granted one.
    """
    # An empty value counts as absent, but looking through thousands of them isn't worth the time.
    _, *parts = (b"&" + (request.body or b"")).split(f"&{parameter}=".encode(), 4)
    value = next((value for part in parts if (value := part[:_MAX_PEEKED_BYTES].partition(b"&")[0])), b"")
    return unquote_plus(value.decode(errors="replace"))
