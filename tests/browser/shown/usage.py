"""Usage of a workspace."""

from tests.browser.shown import Shown

PAGES = [
    Shown("usage", "/w/kestrel/usage/", "Usage · Kestrel Parcel", picture="usage"),
    Shown("usage", "/w/kestrel/usage/?period=24h", "Usage · Kestrel Parcel", person="ben"),
    Shown("usage", "/w/kestrel/usage/?client={client}&period=30d", "Usage of billing-sync", picture="usage-of-one-client"),
]
# Routes that have no page of their own.
WITHOUT_PAGE = {"usage_csv"}
