"""What people do from the first sign-in to the last, in a real browser: on a phone, by the keyboard alone, and without JavaScript."""

import re
import time

import pytest

from tests.browser.authenticator import add_authenticator, one_time_code
from tests.browser.hands import BOTH, MAINLY_SCRIPTLESS, NARROW, WAYS, WITH_SCRIPT
from tests.browser.pages import PASSWORD, make


@pytest.fixture(scope="module")
def server(make_server):
    """As make run creates it: only its owner exists."""
    return make_server()


@pytest.fixture(scope="module", autouse=True)
def owner(server):
    """The email address and password that make run prints."""
    announced = server.manage("prepare", "--announce")["announcement"]
    make(server, "create_owners", [f"{person}-{way}" for person in ("ada", "mina", "tom") for way in WAYS])
    return announced["owner"], announced["owner_password"]


def sign_in(hand, email, password=PASSWORD):
    hand.page.goto("/accounts/sign-in/")
    hand.write("Email", email)
    hand.write("Password", password)
    hand.press("Continue")


def sign_out(hand):
    hand.page.goto("/accounts/sign-out/")
    hand.press("Sign out")
    hand.page.wait_for_url("**/accounts/sign-in/")


def heading(page):
    return page.locator("h1").inner_text()


def wait_for_heading(page, text):
    page.get_by_role("heading", name=text, exact=True, level=1).wait_for()


def find_link(server, address, pattern):
    """The newest link of that kind in a mail to that address: the server writes its mail into files."""
    for _ in range(50):
        mails = [file.read_text() for file in sorted((server.data_dir / "mail").glob("*.eml"))]
        found = [match[0] for mail in mails if f"To: {address}" in mail for match in re.finditer(pattern, mail)]
        if found:
            return found[-1]
        time.sleep(0.1)
    raise AssertionError(f"no mail with such a link came to {address}")


@pytest.mark.parametrize("way", MAINLY_SCRIPTLESS)
def test_the_theme_is_chosen_and_stays(enter, way):
    hand = enter(way)
    hand.page.goto("/accounts/sign-in/")
    hand.press("Dark")
    hand.page.locator("html[data-theme=dark]").wait_for(state="attached")
    hand.page.goto("/accounts/reset/")
    assert hand.page.locator("html").get_attribute("data-theme") == "dark"
    assert hand.page.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"
    colour = hand.page.locator("body").evaluate("element => getComputedStyle(element).backgroundColor")
    assert colour == "rgb(12, 16, 17)"


@pytest.mark.parametrize("way", BOTH)
def test_a_wrong_password_is_said_and_what_was_typed_stays(enter, way):
    hand = enter(way)
    sign_in(hand, f"tom-{way}@example.com", "not-the-password")
    alert = hand.page.get_by_role("alert")
    alert.wait_for()
    assert "Email or password is wrong." in alert.inner_text()
    assert hand.page.title().startswith("Error: ")
    assert hand.page.get_by_label("Email", exact=True).input_value() == f"tom-{way}@example.com"
    assert hand.page.get_by_label("Password", exact=True).input_value() == ""
    if way != "scriptless":
        assert alert.evaluate("element => element === document.activeElement")


@pytest.mark.parametrize("way", WITH_SCRIPT)
def test_a_passkey_is_added_and_then_signs_in_by_itself(enter, owner, way):
    """The first person is the owner that make run announced at the first start."""
    hand = enter(way)
    add_authenticator(hand.page)
    sign_in(hand, *(owner if way == "keyboard" else (f"ada-{way}@example.com", PASSWORD)))
    hand.page.wait_for_url("**/w/**")
    hand.page.goto("/accounts/security/")
    hand.press("Add passkey")
    wait_for_heading(hand.page, "Add passkey")
    hand.write("Name", "Laptop")
    hand.press("Add passkey")
    wait_for_heading(hand.page, "Save your recovery codes")
    hand.tick("I have saved the codes")
    hand.press("Continue to account")
    hand.page.wait_for_url("**/accounts/security/")
    assert "Laptop" in hand.page.get_by_role("main").inner_text()

    sign_out(hand)
    hand.press("Sign in with a passkey")
    hand.page.wait_for_url("**/w/**")


def test_a_missing_passkey_is_shown_under_its_button_with_another_way_to_sign_in(enter):
    hand = enter("phone")
    add_authenticator(hand.page)
    hand.page.goto("/accounts/sign-in/")
    hand.press("Sign in with a passkey")
    refusal = hand.page.get_by_text("No passkey was used. Try again, or sign in another way.").first
    refusal.wait_for()
    assert refusal.bounding_box()["y"] < hand.page.locator("p.or").bounding_box()["y"]


@pytest.mark.parametrize(
    ("status", "said"), [(429, "Too many attempts. Wait a moment."), (503, "The server couldn’t answer. Try again, or sign in another way.")]
)
def test_a_passkey_that_the_server_does_not_request_is_shown_there_too(enter, status, said):
    hand = enter("phone")
    add_authenticator(hand.page)
    hand.page.route("**/accounts/sign-in/passkey/", lambda route: route.fulfill(status=status, json={"error": "…"}))
    hand.page.goto("/accounts/sign-in/")
    hand.press("Sign in with a passkey")
    hand.page.get_by_text(said).first.wait_for()


@pytest.mark.parametrize("way", MAINLY_SCRIPTLESS)
def test_one_time_codes_and_recovery_codes(enter, way):
    hand = enter(way)
    address = f"mina-{way}@example.com"
    sign_in(hand, address)
    hand.page.wait_for_url("**/w/**")
    hand.page.goto("/accounts/security/")
    hand.press("Turn on codes")
    wait_for_heading(hand.page, "Turn on one-time codes")
    secret = hand.page.locator("#secret").inner_text()
    hand.write("Code", one_time_code(secret))
    hand.press("Turn on codes")
    wait_for_heading(hand.page, "Save your recovery codes")
    recovery_code = hand.page.locator("#recovery-codes").inner_text().split()[0]

    sign_out(hand)
    sign_in(hand, address)
    wait_for_heading(hand.page, "Enter your code")
    hand.write("Code", one_time_code(secret, steps=1))
    hand.press("Sign in")
    hand.page.wait_for_url("**/w/**")

    sign_out(hand)
    sign_in(hand, address)
    wait_for_heading(hand.page, "Enter your code")
    hand.write("Code", recovery_code)
    hand.press("Sign in")
    hand.page.wait_for_url("**/w/**")
    hand.page.goto("/accounts/security/")
    assert "9 of 10 left" in hand.page.get_by_role("main").inner_text()


@pytest.mark.parametrize("way", BOTH)
def test_a_person_is_invited_changes_role_and_is_removed(enter, server, way):
    tom, guest, address = enter(way), enter(way), f"jonas-{way}@example.com"
    sign_in(tom, f"tom-{way}@example.com")
    tom.page.wait_for_url("**/w/**")
    tom.page.goto(f"/w/tom-{way}/members/invite/")
    tom.write("Email addresses", address)
    tom.tick("Viewer")
    tom.press("Send 1 invitation" if way != "scriptless" else "Send invitations")
    tom.page.get_by_text("1 invitation sent. It expires on").wait_for()

    guest.page.goto(find_link(server, address, r"https://localhost:\d+/accounts/invite/[^/\s]+/"))
    wait_for_heading(guest.page, f"Join Tom-{way}".title())
    guest.write("Your name", "Jonas Weber")
    guest.write("Password", "another-correct-horse")
    guest.press("Create account and join")
    guest.page.wait_for_url(f"**/w/tom-{way}/**")
    assert "You are a viewer" in guest.page.content()

    tom.page.goto(f"/w/tom-{way}/members/")
    tom.press("Actions for Jonas Weber")
    tom.press("Change role")
    wait_for_heading(tom.page, "Change role of Jonas Weber")
    tom.tick("Developer")
    tom.press("Change role of Jonas Weber")
    tom.page.wait_for_url("**/members/")
    guest.page.reload()
    assert "You are a developer" in guest.page.content()

    tom.press("Actions for Jonas Weber")
    tom.press("Remove from workspace")
    tom.press("Remove Jonas Weber")
    tom.page.wait_for_url("**/members/")
    assert "Jonas Weber" not in tom.page.locator("table").first.inner_text()
    guest.page.reload()
    assert heading(guest.page) == "There is nothing at this address"


def test_an_idle_person_is_warned_before_the_session_ends_and_can_stay(enter):
    hand = enter("keyboard")
    sign_in(hand, "ada-scriptless@example.com")
    hand.page.wait_for_url("**/w/**")
    hand.page.clock.install()
    hand.page.goto("/w/ada-scriptless/members/invite/")
    hand.write("Email addresses", "half-typed@")
    warning = hand.page.get_by_role("alert")
    hand.page.clock.fast_forward("11:50:00")
    assert not warning.is_visible()
    hand.page.clock.fast_forward("07:30")
    assert "You will be signed out in 2 minutes." in warning.inner_text()
    hand.press("Stay signed in")
    warning.wait_for(state="hidden")
    assert hand.page.get_by_label("Email addresses").input_value() == "half-typed@"

    hand.page.clock.fast_forward("13:00:00")
    assert "You were signed out." in warning.inner_text()


@pytest.mark.parametrize("way", NARROW)
def test_a_page_that_was_open_too_long_keeps_what_was_typed(enter, way):
    hand = enter(way)
    hand.page.goto("/accounts/reset/")
    hand.write("Email", "ada@example.com")
    hand.page.context.clear_cookies()
    hand.page.locator("form .btn.main").click()
    wait_for_heading(hand.page, "This page was open too long")
    hand.press("Send entries again")
    hand.page.get_by_text("ada@example.com has an account").wait_for()


def test_single_keys_lead_to_pages_outside_of_fields_and_can_be_switched_off(enter):
    hand = enter("keyboard")
    sign_in(hand, "ada-scriptless@example.com")
    hand.page.wait_for_url("**/w/**")
    hand.page.goto("/w/ada-scriptless/members/")
    hand.page.get_by_label("Email addresses").focus()
    hand.page.keyboard.type("gs")
    assert hand.page.get_by_label("Email addresses").input_value() == "gs"
    hand.page.locator("h1").click()
    hand.page.keyboard.type("gs")
    hand.page.wait_for_url("**/settings/")

    hand.page.goto("/accounts/display/")
    hand.page.get_by_label("Use single-key shortcuts").uncheck()
    hand.press("Save keyboard settings")
    hand.page.locator("html[data-keys=off]").wait_for(state="attached")
    hand.page.goto("/w/ada-scriptless/members/")
    hand.page.locator("h1").click()
    hand.page.keyboard.type("gs")
    hand.page.wait_for_timeout(200)
    assert hand.page.url.endswith("/members/")
