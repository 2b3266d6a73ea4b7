"""Strict-Transport-Security, RFC 6797: a browser that has seen it asks the issuer's host by HTTPS only, for a year.

Not for localhost and addresses: it holds for every port of a name, and there other services may speak plain HTTP. Not for names below the issuer's either,
which may be somebody else's, nor at the gateway for the API that it guards.
"""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

NAME, VALUE = "Strict-Transport-Security", "max-age=31536000"
# As ASGI wants it.
FIELD = (NAME.lower().encode(), VALUE.encode())


def is_strict(host: str, *, is_secure: bool) -> bool:
    """Whether an answer has it. host: as the request names it. RFC 6797 §7.2: never over plain HTTP."""
    return is_secure and host in _hosts_of(settings.ISSUER_URL)


@lru_cache(maxsize=8)
def _hosts_of(issuer_url: str) -> frozenset[str]:
    parts = urlsplit(issuer_url)
    name = parts.hostname or ""
    if name == "localhost" or name.endswith(".localhost") or _is_address(name):
        return frozenset()
    return frozenset({name, f"{name}:{parts.port or 443}"})


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
