"""Single sign-on at a real OpenID provider, on a phone, by keyboard and without JavaScript."""

import pytest

from tests.browser.hands import MAINLY_SCRIPTLESS
from tests.servers.single_sign_on import NAME, single_sign_on
from tests.servers.test_interoperability import javascript

__all__ = ["javascript", "single_sign_on"]


@pytest.fixture(scope="module")
def server(single_sign_on):
    return single_sign_on.server


@pytest.mark.parametrize("way", MAINLY_SCRIPTLESS)
def test_somebody_comes_in_by_the_provider(enter, single_sign_on, way):
    hand = enter(way)
    hand.page.goto("/accounts/sign-in/?next=/w/demo/members/")
    hand.press(f"Sign in with {NAME}")
    hand.page.wait_for_url(f"{single_sign_on.provider.issuer}/**")
    hand.page.locator("input[name=login]").fill("grace")
    hand.page.locator("input[name=password]").fill("any")
    hand.page.get_by_role("button", name="Sign-in").click()
    hand.page.get_by_role("button", name="Continue").click()
    hand.page.wait_for_url("**/w/demo/members/")
    assert "Grace Hopper" in hand.page.get_by_role("main").inner_text()
