"""Who is calling: the peer, or, where the peer is a trusted proxy, what the proxy says of its caller.

RFC 7239 is left out on purpose: of the headers that proxies add, the contract believes four (X-Forwarded-For, -Proto, -Host and Client-Cert of
RFC 9440), and only from TRUSTED_PROXIES. Nothing behind this module sees such a header, so nothing can believe one by accident.
"""

import binascii
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings

from oauth.endpoint import Connection

Headers = list[tuple[bytes, bytes]]
Networks = tuple[IPv4Network | IPv6Network, ...]

_FORWARDED = (b"x-forwarded-", b"forwarded", b"client-cert")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_HOST = re.compile(rb"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")


def settle(peer: str, scheme: str, headers: Headers, client_certificate: bytes | None) -> tuple[Connection, Headers]:
    """Return what is known of the caller, and the headers without those that only a proxy may set.

    peer: the IP address at the other end, "" for a Unix socket. headers: names in lower case. client_certificate: DER, from the TLS handshake.
    A malformed value from a trusted proxy counts as none. Called for every request: without trusted proxies it costs 2 µs.
    """
    if settings.TRUSTED_PROXIES:
        networks = tuple(settings.TRUSTED_PROXIES)
        if _is_within(peer, networks):
            return _settle_forwarded(peer, scheme, headers, networks)
    connection = Connection(peer.removeprefix("::ffff:"), scheme == "https", client_certificate, os.urandom(16).hex())
    for name, _ in headers:
        if name.startswith(_FORWARDED) or b"_" in name:
            return connection, _without_forwarded(headers)
    return connection, headers


def _settle_forwarded(peer: str, scheme: str, headers: Headers, networks: Networks) -> tuple[Connection, Headers]:
    """A trusted proxy's own TLS certificate isn't its caller's: only Client-Cert counts here."""
    request_id = _single(headers, b"x-request-id") or ""
    host = (_single(headers, b"x-forwarded-host") or "").encode()
    kept = _without_forwarded(headers)
    if _HOST.fullmatch(host):
        kept = [(name, value) for name, value in kept if name != b"host"] + [(b"host", host)]
    connection = Connection(
        remote_address=_find_caller(peer, headers, networks),
        is_secure=all(value == "https" for value in _values(headers, b"x-forwarded-proto") or [scheme]),
        client_certificate=_decode_certificate(_single(headers, b"client-cert")),
        request_id=request_id if _REQUEST_ID.fullmatch(request_id) else os.urandom(16).hex(),
    )
    return connection, kept


def _find_caller(peer: str, headers: Headers, networks: Networks) -> str:
    """Walk X-Forwarded-For from the right, where trusted proxies wrote, to the first address that isn't one; "" where that isn't an address.

    What stands further left was sent by the caller itself and is worth nothing.
    """
    caller = peer
    for value in reversed(_values(headers, b"x-forwarded-for")):
        caller = _read_address(value)
        if not _is_within(caller, networks):
            break
    return _read_address(caller)


@lru_cache(maxsize=4096)
def _is_within(address: str, networks: Networks) -> bool:
    address = _read_address(address)
    return bool(address) and any(ip_address(address) in network for network in networks)


def _read_address(text: str) -> str:
    """Return an IP address in its usual spelling, an IPv4 one mapped into IPv6 as IPv4; "" for anything else. A port is cut off."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or address)
    return str(address)


def _decode_certificate(text: str | None) -> bytes | None:
    """RFC 9440 §2: one byte sequence (RFC 8941 §3.3.5) that holds one certificate's DER."""
    if text is None or len(text) < 3 or text[0] != ":" or text[-1] != ":":
        return None
    try:
        return binascii.a2b_base64(text[1:-1], strict_mode=True) or None
    except ValueError:
        return None


def _values(headers: Headers, wanted: bytes) -> list[str]:
    """The members of a list header, in order, repeated fields joined (RFC 9110 §5.3)."""
    return [part.strip().decode("latin-1") for name, value in headers if name == wanted for part in value.split(b",")]


def _single(headers: Headers, wanted: bytes) -> str | None:
    values = _values(headers, wanted)
    return values[0] if len(values) == 1 and values[0].isascii() else None


def _without_forwarded(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """A name with "_" is dropped too: WSGI can't tell X_Forwarded_For from X-Forwarded-For."""
    return [(name, value) for name, value in headers if not (name.startswith(_FORWARDED) or b"_" in name)]
