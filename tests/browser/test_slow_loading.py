"""Nothing moves on a page that comes slowly, part by part (design, section 11): what is painted stays where it is."""

import pytest

from tests.browser.barriers import find_shifts
from tests.browser.pages import PAGES
from tests.browser.variants import mainly


@pytest.fixture(scope="module")
def server(kestrel):
    return kestrel


# Octets per second, about what is left of a bad mobile line, and milliseconds until an answer begins.
SLOW = {"offline": False, "downloadThroughput": 40_000, "uploadThroughput": 40_000, "latency": 20}
# With tables, charts, or much text; the first of each.
NAMES = (
    "account_login",
    "mfa_index",
    "members",
    "clients",
    "client",
    "client_requests",
    "usage",
    "hygiene_fix",
    "audit",
    "health",
    "docs_page",
    "hand_over_open",
)
LONG = [next(shown for shown in PAGES if shown.name == name) for name in NAMES]


@pytest.mark.parametrize("width", mainly(390, 1280))
@pytest.mark.parametrize("shown", LONG, ids=lambda shown: shown.name)
def test_nothing_moves_on_a_page_that_comes_slowly(windows, cast, shown, width):
    page = windows(shown.person)
    page.set_viewport_size({"width": width, "height": 900})
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", SLOW)
    try:
        page.goto(shown.path.format(**cast))
        assert find_shifts(page) == []
    finally:
        line.detach()
