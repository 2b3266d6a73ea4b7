"""Everyday accidents: Back after the page with a secret, two clicks, the same form in two tabs, a session that ends before a form is sent."""

from contextlib import suppress

import pytest
from playwright.sync_api import Error

from tests.browser.conftest import ARGUMENTS, QUICK_CHROMIUM
from tests.browser.hands import BOTH, MAINLY_PHONE, NARROW, WAYS
from tests.browser.pages import make, open_session, sign_in


@pytest.fixture(scope="module", autouse=True)
def owners(server):
    make(server, "create_owners", [*(f"hasty-{way}" for way in WAYS), "hasty-back"])


@pytest.fixture
def ada(enter):
    """Signed in, in one of the ways: her hand, and her workspace."""

    def ada(way):
        return enter(way, f"hasty-{way}"), f"/w/hasty-{way}/clients/"

    return ada


def fill_in(hand, workspace, name):
    hand.page.goto(f"{workspace}new/")
    hand.write("Name", name)
    hand.tick("Read what the service offers.")


def go_back(page):
    """To the answer to a form: the browser asks whether to send that again, or sends it again by itself."""
    with suppress(Error):
        page.go_back()
    page.wait_for_function("document.readyState === 'complete'")


def count_clients(hand, workspace, name):
    hand.page.goto(f"{workspace}?q={name}")
    return hand.page.locator("tbody .named bdi").count()


@pytest.mark.parametrize("way", BOTH)
def test_back_after_the_page_with_a_secret_shows_it_no_more_and_makes_no_other(ada, way):
    hand, workspace = ada(way)
    fill_in(hand, workspace, "back-and-forth")
    hand.press("Create client and show secret")
    hand.page.get_by_role("heading", name="Save the secret now").wait_for()
    secret = hand.page.locator("#once-secret").inner_text()
    hand.tick("I have saved the secret")
    hand.press("Continue to client")
    hand.page.wait_for_url("**/clients/*/")
    go_back(hand.page)
    assert secret not in hand.page.content()
    hand.page.reload()
    # Where the browser went back further, the form is as new.
    said = hand.page.get_by_text("Its secret was shown once and can’t be shown again.")
    said.or_(hand.page.get_by_role("heading", level=1, name="Create client")).first.wait_for()
    assert secret not in hand.page.content()
    assert count_clients(hand, workspace, "back-and-forth") == 1


def test_a_browser_that_keeps_whole_pages_for_back_shows_no_secret_either(chromium, server):
    """Playwright switches that off, unless asked not to."""
    browser = chromium.browser_type.launch(executable_path=QUICK_CHROMIUM, args=ARGUMENTS, ignore_default_args=["--disable-back-forward-cache"])
    context = browser.new_context(base_url=server.url, ignore_https_errors=True)
    open_session(context, server, "hasty-back")
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.goto("/w/hasty-back/clients/new/")
    page.get_by_label("Name", exact=True).fill("kept")
    page.get_by_role("button", name="Create client and show secret").click()
    secret = page.locator("#once-secret").inner_text()
    page.get_by_label("I have saved the secret").check()
    page.get_by_role("link", name="Continue to client").click()
    page.wait_for_url("**/clients/*/")
    go_back(page)
    assert secret not in page.content()
    browser.close()


@pytest.mark.parametrize("way", NARROW)
def test_two_clicks_make_one_client(ada, way):
    hand, workspace = ada(way)
    fill_in(hand, workspace, "clicked-twice")
    hand.page.get_by_role("button", name="Create client and show secret").dblclick()
    hand.page.get_by_role("heading", level=1).filter(has_text="clicked-twice is ready").or_(hand.page.get_by_text("was created on")).wait_for()
    if hand.page.get_by_label("I have saved the secret").count():
        hand.tick("I have saved the secret")
    assert count_clients(hand, workspace, "clicked-twice") == 1


@pytest.mark.parametrize("way", MAINLY_PHONE)
def test_a_client_that_another_tab_deleted_cannot_be_rotated(ada, server, way):
    hand, workspace = ada(way)
    client = server.manage("create_client", "--workspace", f"hasty-{way}", "--name", "short-lived")
    hand.page.goto(f"{workspace}{client['client_id']}/rotate/")
    other = type(hand)(hand.page.context.new_page())
    other.page.goto(f"{workspace}{client['client_id']}/delete/")
    other.write("Type short-lived to confirm", "short-lived")
    other.press("Delete short-lived")
    other.page.get_by_text("short-lived was deleted.").wait_for()
    hand.page.bring_to_front()
    hand.press("Rotate and show new secret")
    hand.page.get_by_text("There is nothing at this address").wait_for()


@pytest.mark.parametrize("way", BOTH)
def test_a_session_that_ended_in_the_middle_of_a_form_costs_no_entry(ada, way):
    hand, workspace = ada(way)
    fill_in(hand, workspace, "<i>שלום</i>")
    hand.page.context.clear_cookies(name="__Host-session")
    if way != "scriptless":
        with hand.page.expect_response("**/preview/"):
            hand.write("Name", "<i>שלום</i> 2")
    else:
        hand.write("Name", "<i>שלום</i> 2")
    hand.press("Create client and show secret")
    hand.page.get_by_role("heading", name="You were signed out").wait_for()
    with hand.page.context.expect_page() as opened:
        hand.press("Sign in in a new tab")
    sign_in(opened.value, f"hasty-{way}")
    opened.value.close()
    hand.page.bring_to_front()
    hand.press("Send entries again")
    if way == "scriptless":
        # Its token is of before the sign-in, so it asks once more.
        hand.page.get_by_role("heading", name="This page was open too long").wait_for()
        hand.press("Send entries again")
    hand.page.get_by_role("heading", level=1, name="<i>שלום</i> 2 is ready").wait_for()
    hand.page.get_by_role("heading", name="Save the secret now").wait_for()
