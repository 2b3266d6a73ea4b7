"""Usage of a workspace."""

from tests.browser.shown import Shown

PAGES: list[Shown] = []
# Routes that have no page of their own.
WITHOUT_PAGE: set[str] = set()
