"""Strict-Transport-Security, RFC 6797: for a year, a browser that has seen it calls the issuer's host by HTTPS only.

It isn't sent for localhost and IP addresses, because it applies to every port of a name, and other services there may use plain HTTP. It doesn't include
subdomains, which may belong to somebody else, and the gateway doesn't send it for the API that it protects.
"""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

NAME, VALUE = "Strict-Transport-Security", "max-age=31536000"
# In the form of ASGI.
FIELD = (NAME.lower().encode(), VALUE.encode())


def is_strict(host: str, *, is_secure: bool) -> bool:
    """Whether a response has the header. host: as in the request. RFC 6797 §7.2: never over plain HTTP."""
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
