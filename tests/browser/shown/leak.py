"""Leak response and hygiene."""

from tests.browser.shown import Shown

PAGES: list[Shown] = [
    Shown("leak", "/w/kestrel/leak/", "Leak response", picture="leak"),
    Shown("hygiene", "/w/kestrel/hygiene/", "Hygiene", picture="hygiene"),
]
# Routes that have no page of their own.
WITHOUT_PAGE: set[str] = {"leak_stop", "hygiene_fix"}
