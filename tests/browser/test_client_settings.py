"""A client is changed, disabled, enabled and deleted in a real browser; each page says first what will happen."""

import time

import pytest

from tests.browser.hands import BOTH, MAINLY_PHONE, MAINLY_SCRIPTLESS, WAYS
from tests.browser.pages import make


@pytest.fixture(scope="module", autouse=True)
def owners(server):
    make(server, "create_owners", [f"editor-{way}" for way in WAYS])


def make_client(server, way, name):
    return server.manage("create_client", "--workspace", f"editor-{way}", "--name", name, "--scope", "read write")


def ask_for_token(server, client, **parameters):
    form = {"grant_type": "client_credentials", "client_id": client["client_id"], "client_secret": client["client_secret"], **parameters}
    return server.post("/oauth2/token", data=form)


def visit(hand, way, client, act="settings"):
    hand.page.goto(f"/w/editor-{way}/clients/{client['client_id']}/{act}/")


def read(hand):
    return hand.page.get_by_role("main").inner_text()


def use(hand, server, way, client):
    """A token for write, and its count, which the server writes every 2 seconds."""
    assert ask_for_token(server, client, scope="write").status_code == 200
    for _ in range(60):
        visit(hand, way, client, "disable")
        if "1 token ends at once." in read(hand):
            return
        time.sleep(0.2)
    raise AssertionError(read(hand))


@pytest.mark.parametrize("way", BOTH)
def test_what_is_in_use_is_asked_about_and_what_another_tab_saved_is_told(enter, server, way):
    client = make_client(server, way, "billing-sync")
    hand = enter(way, f"editor-{way}")
    use(hand, server, way, client)

    visit(hand, way, client)
    other = type(hand)(hand.page.context.new_page())
    visit(other, way, client)

    hand.page.bring_to_front()
    hand.untick("Change what the service offers.")
    if way != "scriptless":
        hand.page.locator("#summary").get_by_text("was requested 1 time in 7 days").wait_for()
    hand.press("Save changes")
    hand.page.get_by_role("heading", name="What will break").wait_for()
    assert "Those requests will be refused." in read(hand)
    hand.press("Continue editing")
    hand.write("Owner optional", "payments@example.com")
    hand.press("Save changes")
    hand.page.get_by_role("heading", name="What will break").wait_for()
    hand.press("Save changes")
    hand.page.get_by_text("Owner and scopes changed. New tokens have them from now on; 1 existing token keeps the old ones.").wait_for()
    assert ask_for_token(server, client, scope="write").json()["error"] == "invalid_scope"

    other.page.bring_to_front()
    other.write("Owner optional", "tom@example.com")
    other.press("Save changes")
    alert = other.page.get_by_role("alert")
    alert.wait_for()
    assert "Somebody else changed this client while you were editing." in alert.inner_text()
    assert "You entered: tom@example.com" in read(other)
    assert other.page.get_by_label("Owner optional", exact=True).input_value() == "tom@example.com"
    assert not other.page.get_by_label("Change what the service offers.").is_checked()
    other.press("Save changes")
    other.page.get_by_text("Owner changed.").wait_for()
    assert ask_for_token(server, client, scope="read").status_code == 200


@pytest.mark.parametrize("way", MAINLY_SCRIPTLESS)
def test_a_client_is_disabled_and_enabled_again(enter, server, way):
    client = make_client(server, way, "fax-gateway")
    hand = enter(way, f"editor-{way}")
    use(hand, server, way, client)
    hand.write("Reason optional", "Nobody knows what it is")
    hand.press("Disable fax-gateway")
    hand.page.get_by_text("fax-gateway is disabled. It gets no tokens. 1 token ended with it.").wait_for()
    assert ask_for_token(server, client).json()["error"] == "invalid_client"

    visit(hand, way, client, "delete")
    assert "It can be deleted from" in read(hand)
    visit(hand, way, client, "enable")
    hand.press("Enable fax-gateway")
    hand.page.get_by_text("fax-gateway is enabled. It gets tokens again.").wait_for()
    assert ask_for_token(server, client).status_code == 200


@pytest.mark.parametrize("way", MAINLY_PHONE)
def test_a_client_that_nothing_uses_is_deleted_once_its_name_is_typed(enter, server, way):
    client = make_client(server, way, "old-import")
    hand = enter(way, f"editor-{way}")
    visit(hand, way, client, "delete")
    button = hand.page.get_by_role("button", name="Delete old-import")
    assert button.get_attribute("aria-disabled") == "true"
    hand.write("Type old-import to confirm", "old-import")
    assert button.get_attribute("aria-disabled") != "true"
    hand.press("Delete old-import")
    hand.page.get_by_text("old-import was deleted.").wait_for()
    assert ask_for_token(server, client).json()["error"] == "invalid_client"
    visit(hand, way, client)
    assert "There is nothing at this address" in hand.page.locator("body").inner_text()
