"""Handing credentials over."""

from playwright.sync_api import Page

from tests.browser.shown import Shown


def _mail_to_nobody(page: Page) -> None:
    page.get_by_label("Mail the link to that address").check()
    page.locator("main form .btn.main").click()
    page.get_by_role("alert").wait_for()


def _paste_nothing(page: Page) -> None:
    page.locator("summary").click()
    page.get_by_role("button", name="Register public key").click()
    page.get_by_role("alert").wait_for()


def _make_link(page: Page) -> None:
    page.locator("main form .btn.main").click()
    page.get_by_role("heading", name="Copy the link now").wait_for()


def _take_secret(page: Page) -> None:
    page.get_by_role("button", name="Make the secret and show it").click()
    page.get_by_role("heading", name="Save the secret now").wait_for()


PAGES = [
    Shown("hand_overs", "/w/kestrel/clients/{client}/hand-over/", "Hand over billing-sync", picture="hand-overs"),
    Shown("hand_overs", "/w/kestrel/clients/{client}/hand-over/", "Hand over billing-sync", "ben"),
    Shown("hand_overs", "/w/kestrel/clients/{client}/hand-over/", "Error: Hand over billing-sync", act=_mail_to_nobody),
    Shown("hand_over_open", "/accounts/hand-over/{hand_over}/", "Take over billing-sync", None, picture="hand-over"),
    Shown("hand_over_open", "/accounts/hand-over/{hand_over_of_key}/", "Error: Take over", None, _paste_nothing),
    Shown("hand_overs", "/w/kestrel/clients/{client}/hand-over/", "Link made", act=_make_link),
    Shown("hand_over_open", "/accounts/hand-over/{hand_over_to_take}/", "Secret of billing-sync", None, _take_secret),
    Shown("hand_over", "/accounts/hand-over/forged/", "Link not valid", None, status=404),
]
# Routes that have no page of their own.
WITHOUT_PAGE = {"hand_over_withdraw"}
