"""API and docs, with the values of the workspace."""

from dashboard.docs_pages import PAGES as DOCS
from tests.browser.shown import Shown

_PICTURES = {"quick-start": "docs-quick-start", "gateway": "docs-gateway"}

PAGES = [
    Shown("docs", "/w/kestrel/docs/", "API and docs", picture="docs"),
    Shown("docs", "/w/kestrel/docs/?client=nobody", "API and docs"),
    *(Shown("docs_page", f"/w/kestrel/docs/{page.slug}/", page.title, picture=_PICTURES.get(page.slug, "")) for page in DOCS),
]
# Routes that have no page of their own.
WITHOUT_PAGE: set[str] = set()
