"""Reads a client's certificate from the header of the proxy that ends its TLS connection: RFC 9440, and the formats of nginx, Envoy and Traefik.

The setting CLIENT_CERT_HEADER names the trusted header. It names only one, because a proxy that sets one header lets its callers send the others.
"""

import binascii
import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from django.core.exceptions import ValidationError

from clients.certificate import load_certificate

MAX_LENGTH = 16 * 1024

_PEM = re.compile(rb"\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")
_XFCC_PAIR = rb'[A-Za-z]+=(?:"(?:[^"\\]|\\.)*"|[^",;]*)'
_XFCC = re.compile(rb"%b(?:;%b)*" % (_XFCC_PAIR, _XFCC_PAIR))


@lru_cache(maxsize=512)
def decode(header: str, value: bytes) -> bytes | None:
    """Return the DER of the certificate in the header, or None if it contains anything but one certificate. header: its name in lower case."""
    if len(value) > MAX_LENGTH:
        return None
    try:
        der = _FORMS[header](value.strip())
        load_certificate(der)
    except (ValueError, ValidationError):
        return None
    return der


def _read_base64(text: bytes) -> bytes:
    return binascii.a2b_base64(text, strict_mode=True)


def _read_structured_field(value: bytes) -> bytes:
    """RFC 9440 §2: one byte sequence, RFC 8941 §3.3.5."""
    if len(value) < 2 or value[:1] != b":" or value[-1:] != b":":
        raise ValueError
    return _read_base64(value[1:-1])


def _read_escaped_pem(value: bytes) -> bytes:
    """nginx's $ssl_client_escaped_cert: PEM, percent-encoded."""
    found = _PEM.fullmatch(unquote_to_bytes(value))
    if found is None:
        raise ValueError
    return _read_base64(b"".join(found[1].split()))


def _read_xfcc(value: bytes) -> bytes:
    """Envoy's X-Forwarded-Client-Cert: the pairs of one element. Several elements come from several hops, and it isn't clear which one is the client's."""
    if not _XFCC.fullmatch(value):
        raise ValueError
    (certificate,) = [pair[5:] for pair in re.findall(_XFCC_PAIR, value) if pair[:5].lower() == b"cert="]
    return _read_escaped_pem(certificate.strip(b'"'))


def _read_traefik(value: bytes) -> bytes:
    """Traefik's X-Forwarded-Tls-Client-Cert: base64 of the DER, percent-encoded or not, followed by a comma and the rest of the chain."""
    return _read_base64(unquote_to_bytes(value).partition(b",")[0])


_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "client-cert": _read_structured_field,
    "x-ssl-client-cert": _read_escaped_pem,
    "ssl-client-cert": _read_escaped_pem,
    "x-forwarded-client-cert": _read_xfcc,
    "x-forwarded-tls-client-cert": _read_traefik,
}
