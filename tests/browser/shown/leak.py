"""Leak response and hygiene."""

from playwright.sync_api import Page

from tests.browser.shown import Shown


def _look_up_nothing(page: Page) -> None:
    page.get_by_role("button", name="Look it up").click()
    page.get_by_role("alert").wait_for()


def _look_up_strange_things(page: Page) -> None:
    page.get_by_label("Leaked secret, access token, client ID or key ID").fill("tos_live_cut and tos_test_0123456789_cut")
    page.get_by_role("button", name="Look it up").click()
    page.get_by_role("heading", level=2).first.wait_for()


def _stop(page: Page) -> None:
    """Once, of all who look."""
    button = page.get_by_role("button", name="Revoke secret")
    if button.count():
        button.click()
        page.wait_for_url("**/leak/stop/**")
    else:
        page.goto(page.url.replace("/leak/", "/leak/stop/"))
    page.get_by_role("heading", name="What is left to do").wait_for()


def _tick_nothing(page: Page) -> None:
    for box in page.get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_role("button", name="Allow only HTTP Basic for selected clients").click()
    page.get_by_role("alert").wait_for()


PAGES: list[Shown] = [
    Shown("leak", "/w/kestrel/leak/", "Leak response", picture="leak"),
    Shown("leak", "/w/kestrel/leak/", "Error: Leak response", act=_look_up_nothing),
    Shown("leak", "/w/kestrel/leak/", "Wrong checksum", act=_look_up_strange_things),
    Shown("leak", "/w/kestrel/leak/?what=s.{new_secret}", "It works right now, and it is in use", picture="leak-found"),
    Shown("leak", "/w/kestrel/leak/?what=s.{new_secret}", "It works right now, and it is in use", "ben", picture="leak-viewer"),
    Shown("leak", "/w/kestrel/leak/?what=k.{key_client}.{kid}", ""),
    Shown("leak", "/w/kestrel/leak/?what=s.{new_secret}&what=s.{secret}&what=c.{certificate_client}.{thumbprint}", "", picture="leak-several"),
    Shown("leak", "/w/kestrel/leak/?what=i.{strange_client}", "The client ID of"),
    Shown("leak_stop", "/w/kestrel/leak/?what=s.{leaked_secret}", "Revoked", act=_stop, picture="leak-stopped"),
    Shown("hygiene", "/w/kestrel/hygiene/", "Hygiene", picture="hygiene"),
    Shown("hygiene_fix", "/w/kestrel/hygiene/secret-in-body/", "Secrets in the body", picture="hygiene-fix"),
    Shown("hygiene_fix", "/w/kestrel/hygiene/secret-in-body/", "Secrets in the body", "ben"),
    Shown("hygiene_fix", "/w/kestrel/hygiene/secret-in-body/", "Error: Secrets in the body", act=_tick_nothing),
    Shown("hygiene_fix", "/w/kestrel/hygiene/idle/", "Idle clients"),
]
# Routes that have no page of their own.
WITHOUT_PAGE: set[str] = set()
