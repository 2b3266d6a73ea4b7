"""The list of clients, and search."""

from playwright.sync_api import Page

from tests.browser.shown import Shown

_SECRET = "tos_live_Kp4zR1uW9a_" + "x" * 39


def _open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").get_by_role("option").first.wait_for()


def _paste_into_the_palette(page: Page) -> None:
    _open_palette(page)
    page.get_by_role("dialog").get_by_role("combobox").fill(_SECRET)
    page.get_by_role("option", name="That looks like a secret. Respond to a leak").wait_for()


def _list_keys(page: Page) -> None:
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()


def _open_row_menu(page: Page) -> None:
    page.locator("tbody details.menu summary").first.click()


def _paste_into_the_filter(page: Page) -> None:
    page.get_by_role("searchbox").fill(_SECRET)
    page.get_by_role("alert").wait_for()


def _search_for_nothing(page: Page) -> None:
    page.get_by_role("searchbox").fill("nowhere")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_text("Nothing matches").wait_for()


PAGES = [
    Shown("clients", "/w/kestrel/clients/", "Clients", picture="clients"),
    Shown("clients", "/w/kestrel/clients/", "Clients", act=_open_palette, picture="palette"),
    Shown("clients", "/w/kestrel/clients/", "Clients", act=_paste_into_the_palette),
    Shown("clients", "/w/kestrel/clients/", "Clients", act=_list_keys, picture="keys"),
    Shown("clients", "/w/kestrel/clients/", "Clients", act=_open_row_menu),
    Shown("clients", "/w/kestrel/clients/", "Clients", act=_paste_into_the_filter),
    Shown("clients", "/w/kestrel/clients/?status=attention&sort=expires", "Clients", "ben", picture="clients-attention"),
    Shown("clients", "/w/kestrel/clients/?q=billng", "Clients", picture="clients-none"),
    Shown("search", "/w/kestrel/search/", "Search"),
    Shown("search", "/w/kestrel/search/?q=bil", "Search", picture="search"),
    Shown("search", "/w/kestrel/search/", "Search", act=_search_for_nothing),
]
# Routes that have no page of their own.
WITHOUT_PAGE: set[str] = set()
