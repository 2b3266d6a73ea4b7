"""The parts of ISSUER_URL, which may have a path, and the well-known addresses that follow from it: RFC 8414 §3.1, RFC 9728 §3.1."""

from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings


def issuer_path() -> str:
    """The issuer's path with its leading slash, "" if it has none."""
    return _path_of(settings.ISSUER_URL)


def issuer_origin() -> str:
    """RFC 6454 §6.2."""
    return settings.ISSUER_URL.removesuffix(issuer_path())


def insert_well_known(name: str) -> str:
    """The URL of a well-known document about the issuer: the name stands between host and path."""
    return f"{issuer_origin()}/.well-known/{name}{issuer_path()}"


@lru_cache(maxsize=8)
def _path_of(url: str) -> str:
    return urlsplit(url).path
