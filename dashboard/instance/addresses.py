"""Full URLs of pages, for emails and terminals."""

from urllib.parse import urljoin

from django.conf import settings


def page_url(path: str) -> str:
    """Pages are at the root of the issuer's host, even if ISSUER_URL has a path: the path is only for the protocol."""
    return urljoin(settings.ISSUER_URL, path)
