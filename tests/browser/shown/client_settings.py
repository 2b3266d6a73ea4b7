"""Changing, disabling, enabling and deleting a client."""

import time

from playwright.sync_api import Page

from tests.browser.shown import Shown


def _save(page: Page) -> None:
    page.get_by_role("button", name="Save changes").click()


def _enter_nonsense(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("")
    page.get_by_label("Allowed addresses optional").fill("203.0.113.300")
    _save(page)
    page.get_by_role("alert").wait_for()


def _take_a_scope_away(page: Page) -> None:
    page.get_by_label("Read what the service offers.").uncheck()
    page.get_by_label("Allowed addresses optional").fill("203.0.113.0/24")
    _save(page)
    page.get_by_role("heading", name="What will break").wait_for()


def _be_slower(page: Page) -> None:
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("Description optional").fill(f"Changed at {time.time()}")
    _save(other)
    other.get_by_text("Description changed.").wait_for()
    other.close()
    page.get_by_label("Description optional").fill("Changed at the same time")
    _save(page)
    page.get_by_role("heading", name="What others changed").wait_for()


PAGES = [
    Shown("client_settings", "/w/kestrel/clients/{client}/settings/", "Settings of billing-sync", picture="client-settings"),
    Shown("client_settings", "/w/kestrel/clients/{client}/settings/", "Settings of billing-sync", "ben", picture="client-settings-viewer"),
    Shown("client_settings", "/w/kestrel/clients/{client}/settings/", "Error: Settings of billing-sync", act=_enter_nonsense, picture="client-settings-errors"),
    Shown("client_settings", "/w/kestrel/clients/{client}/settings/", "Change billing-sync", act=_take_a_scope_away, picture="client-settings-lost"),
    Shown("client_settings", "/w/kestrel/clients/{certificate_client}/settings/", "Error: Settings of", act=_be_slower),
    Shown("client_disable", "/w/kestrel/clients/{client}/disable/", "Disable billing-sync", picture="client-disable"),
    Shown("client_disable", "/w/kestrel/clients/{client}/disable/", "Clients", "tom", status=403),
    Shown("client_enable", "/w/kestrel/clients/{disabled_client}/enable/", "Enable fax-gateway", picture="client-enable"),
    Shown("client_delete", "/w/kestrel/clients/{disabled_client}/delete/", "Delete fax-gateway", picture="client-delete"),
    Shown("client_delete", "/w/kestrel/clients/{client}/delete/", "Delete billing-sync"),
]
# Routes that have no page of their own.
WITHOUT_PAGE: set[str] = set()
