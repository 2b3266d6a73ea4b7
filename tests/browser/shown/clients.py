"""The list of clients, and search."""

from tests.browser.shown import Shown

PAGES = [
    Shown("clients", "/w/kestrel/clients/", "Clients", picture="clients"),
    Shown("search", "/w/kestrel/search/", "Search"),
]
# Routes that have no page of their own.
WITHOUT_PAGE: set[str] = set()
