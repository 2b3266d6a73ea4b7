"""Where the pages are for whoever reads a mail or a terminal."""

from urllib.parse import urljoin

from django.conf import settings


def page_url(path: str) -> str:
    """Pages are at the root of the issuer's host, also where ISSUER_URL has a path: that is the protocol's alone."""
    return urljoin(settings.ISSUER_URL, path)
