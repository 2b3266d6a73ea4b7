"""Handing credentials over."""

from tests.browser.shown import Shown

PAGES = [
    Shown("hand_overs", "/w/kestrel/clients/{client}/hand-over/", "Hand over billing-sync", picture="hand-overs"),
    Shown("hand_overs", "/w/kestrel/clients/{client}/hand-over/", "Hand over billing-sync", "ben"),
]
# Routes that have no page of their own.
WITHOUT_PAGE = {"hand_over_withdraw"}
