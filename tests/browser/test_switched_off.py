"""An account that is switched off while its person is at work: with a passkey, on a server with two workers."""

from tests.browser.authenticator import add_authenticator
from tests.browser.pages import PASSWORD, make

SECURITY = "/accounts/security/"


def sign_in(hand):
    hand.page.goto("/accounts/sign-in/")
    hand.write("Email", "left@example.com")
    hand.write("Password", PASSWORD)
    hand.press("Continue")
    hand.page.wait_for_url("**/w/**")


def ask_repeatedly(server, hand):
    """With the session of that browser, by new connections, so that each worker answers some time: the statuses of the answers."""
    cookies = {cookie["name"]: cookie["value"] for cookie in hand.page.context.cookies()}
    return [server.get(SECURITY, cookies=cookies, allow_redirects=False).status_code for _ in range(6)]


def test_its_sessions_end_and_its_passkey_opens_nothing_until_it_is_on_again(enter, server):
    make(server, "create_owners", ["left"])
    elsewhere = enter("scriptless")
    sign_in(elsewhere)
    hand = enter("keyboard")
    add_authenticator(hand.page)
    sign_in(hand)
    hand.page.goto("/accounts/security/passkeys/new/")
    hand.write("Name", "Laptop")
    hand.press("Add passkey")
    hand.tick("I have saved the codes")
    hand.press("Continue to account")
    hand.page.wait_for_url(f"**{SECURITY}")

    assert set(ask_repeatedly(server, hand)) == {200}
    # The first passkey has ended the other session already.
    assert server.manage("disable_account", "left@example.com")["sessions_ended"] == 1
    for one in (hand, elsewhere):
        assert set(ask_repeatedly(server, one)) == {302}
        one.page.goto(SECURITY)
        assert "/accounts/sign-in/" in one.page.url
    hand.press("Sign in with a passkey")
    hand.page.get_by_text("This account is disabled. Ask the administrator of this instance.").wait_for()
    hand.page.goto(SECURITY)
    assert "/accounts/sign-in/" in hand.page.url

    server.manage("enable_account", "left@example.com")
    elsewhere.page.goto(SECURITY)
    assert "/accounts/sign-in/" in elsewhere.page.url
    hand.page.goto("/accounts/sign-in/")
    hand.press("Sign in with a passkey")
    hand.page.wait_for_url("**/w/**")
