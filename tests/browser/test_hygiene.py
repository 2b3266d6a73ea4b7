"""A secret that never expires is found and gets an expiry date, in a real browser."""

import pytest

from tests.browser.hands import BOTH, WAYS
from tests.browser.pages import make


@pytest.fixture(scope="module", autouse=True)
def owners(server):
    make(server, "create_owners", [f"tidier-{way}" for way in WAYS])


@pytest.mark.parametrize("way", BOTH)
def test_secrets_that_never_expire_get_an_expiry_date_after_a_preview(server, enter, way):
    for name in ("billing-sync", "route-planner"):
        server.manage("create_client", "--workspace", f"tidier-{way}", "--name", name, "--scope", "read")
    hand = enter(way, f"tidier-{way}")
    hand.page.goto(f"/w/tidier-{way}/hygiene/")
    assert "2 secrets never expire" in hand.page.get_by_role("main").inner_text()
    hand.press("Look at secrets that never expire")
    hand.page.wait_for_url("**/secrets-without-end/")
    hand.untick("route-planner, secret")
    hand.press("Set an expiry date for selected secrets")
    hand.page.get_by_text("1 secret will expire.").wait_for()
    hand.press("Look at secrets that never expire")
    hand.page.wait_for_url("**/secrets-without-end/")
    names = hand.page.get_by_role("rowheader")
    assert names.count() == 1
    assert "route-planner" in names.inner_text()
