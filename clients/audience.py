"""Compares audiences. They are URIs with many spellings: a resource server may treat some as the same, and some belong to this instance.

RFC 8707 §2, RFC 3986 §6, and how browsers and HTTP libraries read an address (WHATWG URL). Tokens contain an audience exactly as it was registered; this module
only decides who owns it.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address
from socket import inet_aton, inet_ntoa
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes, urlsplit

from django.conf import settings

# In URLs of these schemes, libraries find the host after any number of slashes. A server is often reachable by several of the schemes.
_WEB = frozenset({"http", "https", "ws", "wss"})
_DEFAULT_PORTS = (80, 443)


class _Address(NamedTuple):
    """host: in lower case. port: None for the default port. path: without empty and dot segments."""

    scheme: str
    host: str
    port: int | None
    path: tuple[bytes, ...]
    query: bytes


def workspace_audience(workspace: str) -> str:
    """The audience of the workspace's own resources, which its tokens have by default. workspace: its slug."""
    return f"{settings.ISSUER_URL}/w/{workspace}"


def audience_key(uri: str) -> str:
    """The same key for all spellings of an audience: it ignores case, default port, slashes, dot segments, percent-encoding, user and fragment."""
    address = _read(uri)
    if address is None:
        return quote(uri.lower(), safe=":/")
    origin = f"{address.scheme}://{quote(address.host, safe=':')}" + ("" if address.port is None else f":{address.port}")
    path = "/".join(quote(segment) for segment in address.path)
    return f"{origin}/{path}" + (f"?{quote(address.query)}" if address.query else "")


def is_of_another_workspace(uri: str, *, workspace: str, issuer: str) -> bool:
    """Whether the URI is an address of the instance, in any spelling, except that workspace's own audience in its exact spelling. workspace: its slug."""
    return uri != f"{issuer}/w/{workspace}" and _is_below(uri, issuer)


def find_refused(audiences: Sequence[str], withheld: Sequence[str], *, workspace: str, issuer: str) -> tuple[str, ...]:
    """The client's audiences that its tokens must not be for. withheld: those that belong to another workspace. workspace: its slug."""
    return tuple(uri for uri in audiences if uri in withheld or is_of_another_workspace(uri, workspace=workspace, issuer=issuer))


@lru_cache(maxsize=4096)
def _is_below(uri: str, issuer: str) -> bool:
    """Whether uri is the issuer or below it."""
    address, ours = _read(uri), _read(issuer)
    if address is None or ours is None:
        return False
    return (address.scheme, address.host, address.port) == (ours.scheme, ours.host, ours.port) and address.path[: len(ours.path)] == ours.path


def _read(uri: str) -> _Address | None:
    """The parts of the URI. None if the host can't be recognised."""
    scheme, _, rest = uri.partition(":")
    scheme = scheme.lower()
    if scheme in _WEB:
        scheme, rest = "https", "//" + rest.replace("\\", "/").lstrip("/")
    try:
        parts = urlsplit(f"x:{rest}")
        host, port = _read_host(parts.hostname or ""), parts.port
    except ValueError:
        return None
    usual = port in _DEFAULT_PORTS and scheme == "https"
    return _Address(scheme, host, None if usual else port, _read_path(parts.path), _decode(parts.query))


def _read_host(text: str) -> str:
    host = _decode(text).decode("ascii", "replace").removesuffix(".")
    try:
        return ip_address(host).compressed
    except ValueError:
        pass
    try:
        # 127.1, 2130706433 and 0x7f000001 are the same address.
        return inet_ntoa(inet_aton(host)) if host[-1:].isalnum() and host[:1].isdigit() else host
    except OSError:
        return host


def _read_path(text: str) -> tuple[bytes, ...]:
    segments: list[bytes] = []
    for segment in _decode(text).replace(b"\\", b"/").split(b"/"):
        if segment == b"..":
            segments = segments[:-1]
        elif segment not in (b"", b"."):
            segments.append(segment)
    return tuple(segments)


def _decode(text: str) -> bytes:
    """Undo percent-encoding, even if it was applied several times, and convert to lower case."""
    decoded = text.encode()
    while (further := unquote_to_bytes(decoded)) != decoded:
        decoded = further
    return decoded.lower()
