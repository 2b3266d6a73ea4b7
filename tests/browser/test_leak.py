"""Somebody on duty finds a secret where it shouldn't be, and ends it in a real browser: the token endpoint refuses it at once."""

import re

import pytest

from tests.browser.hands import BOTH, WAYS
from tests.browser.pages import make, wait_until_counted
from tests.browser.variants import mainly

FIELD = "Leaked secret, access token, client ID or key ID"


@pytest.fixture(scope="module", autouse=True)
def owners(server):
    make(server, "create_owners", [f"finder-{way}" for way in WAYS])


@pytest.fixture
def billing(server, request):
    """Of the workspace of the way."""
    way = request.node.callspec.params["way"]
    return server.manage("create_client", "--workspace", f"finder-{way}", "--name", "billing-sync", "--scope", "read")


def ask_for_token(server, client):
    form = {"grant_type": "client_credentials", "client_id": client["client_id"], "client_secret": client["client_secret"]}
    return server.post("/oauth2/token", data=form)


@pytest.fixture
def finder(enter):
    """A function that returns the hand of who is signed in, on the page."""

    def finder(way):
        hand = enter(way, f"finder-{way}")
        hand.page.goto(f"/w/finder-{way}/leak/")
        return hand

    return finder


def verdict(hand):
    return hand.page.locator("#v")


def look_up(hand, way, text):
    if way == "keyboard":
        # The field has the focus: nothing else has to be found.
        hand.page.wait_for_function("document.activeElement.localName === 'textarea'")
        hand.page.keyboard.insert_text(text)
        hand.page.keyboard.press("Control+Enter")
    else:
        hand.write(FIELD, text)
        hand.press("Look it up")
    verdict(hand).wait_for()


@pytest.mark.parametrize("way", BOTH)
def test_a_leaked_secret_stops_working_seconds_after_it_is_pasted(server, finder, way, billing):
    assert ask_for_token(server, billing).status_code == 200
    wait_until_counted(server, billing["client_id"], 1)
    hand = finder(way)
    look_up(hand, way, f"found in a ticket: {billing['client_secret']}")
    assert verdict(hand).inner_text() == "It works right now, and it is in use"
    if way != "scriptless":
        assert verdict(hand).evaluate("element => element === document.activeElement")
    assert billing["client_secret"] not in hand.page.content()
    hand.press("Revoke secret and end 1 token")
    hand.page.wait_for_url("**/leak/stop/**")
    assert re.match(r"Revoked at \d\d:\d\d:\d\d\. 1 token ended\.", verdict(hand).inner_text())
    assert ask_for_token(server, billing).status_code == 401
    if way == "scriptless":
        wait_until_counted(server, billing["client_id"], 2)
        hand.page.reload()
    hand.page.get_by_text("1 request refused since.").wait_for()

    hand.tick("Remove it from where you found it, and from the history there")
    hand.press("Save checklist")
    hand.page.wait_for_url("**tick=remove**")
    assert hand.page.get_by_label("Remove it from where you found it").is_checked()
    assert billing["client_secret"] not in hand.page.url


@pytest.mark.parametrize(("way", "thousands"), mainly(("phone", 1), ("phone", 50)), ids=["log", "six_megabytes"])
def test_a_log_is_read_and_all_in_it_ends(server, finder, way, thousands, billing):
    other = server.manage("create_client", "--workspace", f"finder-{way}", "--name", "route-planner", "--scope", "read")
    token = ask_for_token(server, other).json()["access_token"]
    lines = "2026-11-24T12:00:00Z level=info msg=nothing at all happened\n" * 1000 * thousands
    log = f"{lines}{billing['client_secret']}\n{lines}Authorization: Bearer {token}\n"
    hand = finder(way)
    hand.press("Choose a file instead")
    hand.page.get_by_label("Or a file").set_input_files({"name": "app.log", "mimeType": "text/plain", "buffer": log.encode()})
    hand.press("Look it up")
    verdict(hand).wait_for()
    assert verdict(hand).inner_text() == "2 found, 2 working right now"
    hand.press("Revoke all 2")
    hand.page.wait_for_url("**/leak/stop/**")
    assert ask_for_token(server, billing).status_code == 401
    assert server.get("/api/v1/whoami", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert ask_for_token(server, other).status_code == 200


@pytest.mark.variant
@pytest.mark.parametrize("way", ["phone"])
def test_five_megabytes_that_were_pasted_are_read_and_not_sent_back(server, finder, way, billing):
    lines = "2026-11-24T12:00:00Z level=info msg=nothing at all happened\n" * 45_000
    hand = finder(way)
    # Typing so much takes Playwright longer than a browser takes to paste it.
    text = f"{lines}{billing['client_secret']}\n{lines}"
    hand.page.get_by_label(FIELD).evaluate("(field, text) => { field.value = text; }", text)
    hand.page.get_by_role("button", name="Look it up").click(timeout=60_000)
    verdict(hand).wait_for(timeout=60_000)
    assert verdict(hand).inner_text() == "It works right now"
    assert len(hand.page.content()) < 200_000
    assert billing["client_secret"] not in hand.page.content()
