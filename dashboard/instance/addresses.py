"""Full URLs of pages, for emails and terminals."""

from urllib.parse import urljoin, urlsplit

from django.conf import settings


def page_url(path: str) -> str:
    """Pages are at the root of the issuer's host, even if ISSUER_URL has a path: the path is only for the protocol."""
    return urljoin(settings.ISSUER_URL, path)


def issuer_host() -> str:
    """The host of ISSUER_URL, with its port, for emails and files. A request's own Host may have any port, and a stranger would choose it."""
    return urlsplit(settings.ISSUER_URL).netloc
