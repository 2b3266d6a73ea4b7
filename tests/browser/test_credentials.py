"""Credentials are changed in a real browser while a program uses them: nothing breaks early, and what is revoked stops working at once."""

import re
import time

import pytest

from tests.browser.hands import BOTH, MAINLY_SCRIPTLESS, NARROW, WAYS
from tests.browser.pages import make
from tests.public_keys import pem


@pytest.fixture(scope="module", autouse=True)
def owners(server):
    make(server, "create_owners", [f"rotator-{way}" for way in WAYS])


def make_client(server, way, name, **options):
    arguments = [text for option, value in options.items() for text in (f"--{option}", value)]
    return server.manage("create_client", "--workspace", f"rotator-{way}", "--name", name, "--scope", "read", *arguments)


def ask_for_token(server, client_id, secret):
    return server.post("/oauth2/token", data={"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret})


def status_of(server, token):
    """At the instance's own resource."""
    return server.get("/api/v1/whoami", headers={"Authorization": f"Bearer {token}"}).status_code


def visit(hand, way, client, *parts):
    hand.page.goto("/".join([f"/w/rotator-{way}/clients/{client['client_id']}", *parts, ""]))


def read(hand):
    return hand.page.get_by_role("main").inner_text()


def wait_for(hand, way, client, parts, text):
    """What programs did is written every 2 seconds."""
    for _ in range(60):
        visit(hand, way, client, *parts)
        if text in read(hand):
            return
        time.sleep(0.2)
    raise AssertionError(read(hand))


def choose(hand, way, label, said):
    """A length, and the picture follows: by itself, or by a button where there is no script."""
    if way == "keyboard":
        hand.tick(label)
    else:
        hand.page.get_by_text(label, exact=True).click()
    if way == "scriptless":
        hand.press("Show what that does")
    hand.page.locator(f"[aria-label*='{said}']").wait_for()


@pytest.mark.parametrize("way", BOTH)
def test_a_secret_is_rotated_the_old_one_gets_more_time_is_ended_and_is_revoked(enter, server, way):
    client = make_client(server, way, "billing-sync")
    client_id, old, old_id = client["client_id"], client["client_secret"], client["secret_id"]
    hand = enter(way, f"rotator-{way}")
    token = ask_for_token(server, client_id, old).json()["access_token"]
    wait_for(hand, way, client, ["rotate"], f"127.0.0.1 keeps working with {old_id}.")

    choose(hand, way, "End old secret now", f"The current secret {old_id} stops working at once.")
    assert "127.0.0.1 gets no more tokens" in read(hand)
    choose(hand, way, "7 days", f"The current secret {old_id} keeps working until")
    hand.press("Rotate and show new secret")
    hand.page.get_by_role("heading", name="Save the secret now").wait_for()
    assert f"The old secret {old_id} works until" in read(hand)
    new = hand.page.locator("#once-secret").inner_text()
    new_id = re.match(r"tos_live_(\w{10})_", new)[1]
    hand.tick("I have saved the secret")
    hand.press("Continue to client")
    hand.page.get_by_role("heading", name="Rotation in progress").wait_for()
    assert ask_for_token(server, client_id, old).status_code == ask_for_token(server, client_id, new).status_code == 200

    wait_for(hand, way, client, [], "One place still uses the old secret.")
    hand.press(f"Extend overlap of secret {old_id}")
    hand.page.get_by_role("heading", name=f"Extend the overlap of {old_id}").wait_for()
    assert "Who still uses it" in read(hand)
    assert "127.0.0.1" in read(hand)
    choose(hand, way, "7 days", f"Secret {old_id} would work until")
    hand.press(hand.page.locator("#plan .btn.main").inner_text())
    hand.page.get_by_text(f"{old_id} now expires").wait_for()

    visit(hand, way, client, "secrets", old_id, "end")
    assert "127.0.0.1 stops getting tokens with it." in read(hand)
    hand.write(f"Type {old_id} to confirm", old_id)
    hand.press(f"End {old_id}")
    hand.page.get_by_text(f"{old_id} ended. 2 tokens stay valid until they expire.").wait_for()
    assert ask_for_token(server, client_id, old).json()["error"] == "invalid_client"
    assert status_of(server, token) == 200

    visit(hand, way, client, "secrets", old_id, "revoke")
    assert "2 tokens end at once." in read(hand)
    hand.write("Reason kept in the audit log", "It leaked")
    hand.write(f"Type {old_id} to confirm", old_id.swapcase())
    if way == "scriptless":
        hand.press(f"Revoke {old_id}")
        alert = hand.page.get_by_role("alert")
        alert.wait_for()
        assert f"Type {old_id} exactly. You typed {old_id.swapcase()}." in alert.inner_text()
    else:
        assert hand.page.get_by_role("button", name=f"Revoke {old_id}").get_attribute("aria-disabled") == "true"
    hand.write(f"Type {old_id} to confirm", old_id)
    hand.press(f"Revoke {old_id}")
    hand.page.get_by_text(f"{old_id} revoked. 2 tokens ended with it.").wait_for()
    assert status_of(server, token) == 401
    assert ask_for_token(server, client_id, new).status_code == 200
    assert new_id in read(hand)


@pytest.mark.parametrize("way", MAINLY_SCRIPTLESS)
def test_a_public_key_is_looked_at_and_then_added(enter, server, way):
    client = make_client(server, way, "warehouse-scanner")
    hand = enter(way, f"rotator-{way}")
    visit(hand, way, client, "keys", "new")
    hand.write("Public key", pem("P-256"))
    if way == "scriptless":
        hand.press("Show what it is")
    hand.page.get_by_text("ES256, P-256, not used elsewhere").wait_for()
    hand.press("Add key")
    hand.page.get_by_text(re.compile(r"Public key \S+ added\.")).wait_for()
    assert "private_key_jwt" in read(hand)


def test_refreshing_a_preview_keeps_the_focus(enter, server):
    client = make_client(server, "keyboard", "dock-scanner")
    hand = enter("keyboard", "rotator-keyboard")
    visit(hand, "keyboard", client, "keys", "new")
    hand.write("Public key", pem("P-384"))
    box = hand.page.get_by_role("checkbox", name="ES384, P-384")
    box.wait_for()
    box.focus()
    with hand.page.expect_response(lambda answer: answer.request.method == "POST"):
        hand.page.keyboard.press("Space")
    hand.page.wait_for_function("!document.querySelector('[aria-busy]')")
    assert not box.is_checked()
    assert box.evaluate("element => element === document.activeElement")


@pytest.mark.parametrize("way", NARROW)
def test_the_page_with_the_secret_makes_no_second_one_when_it_is_loaded_again(enter, server, way):
    client = make_client(server, way, "refunds-worker")
    hand = enter(way, f"rotator-{way}")
    visit(hand, way, client, "rotate")
    hand.press("Rotate and show new secret")
    hand.page.get_by_role("heading", name="Save the secret now").wait_for()
    hand.tick("I have saved the secret")
    hand.page.reload()
    hand.page.get_by_text("can’t be shown again").wait_for()
    assert len(server.manage("rotate_secret", client["client_id"])["previous"]) == 2
