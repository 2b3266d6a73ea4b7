"""API and docs, with the values of the workspace."""

from tests.browser.shown import Shown

DOCS = "/w/kestrel/docs/"
PAGES = [
    Shown("docs", DOCS, "API and docs", picture="docs"),
    Shown("docs", f"{DOCS}?client=nobody", "API and docs"),
    Shown("docs_page", f"{DOCS}quick-start/", "Quick start", picture="docs-quick-start"),
    Shown("docs_page", f"{DOCS}authentication/", "Three ways to authenticate"),
    Shown("docs_page", f"{DOCS}dpop/", "DPoP"),
    Shown("docs_page", f"{DOCS}resource-and-scope/", "Resource and scope"),
    Shown("docs_page", f"{DOCS}introspection/", "Introspection and revocation"),
    Shown("docs_page", f"{DOCS}gateway/", "Gateway", picture="docs-gateway"),
    Shown("docs_page", f"{DOCS}errors/", "Errors"),
]
# Routes that have no page of their own.
WITHOUT_PAGE: set[str] = set()
