"""First run, and making a client."""

from playwright.sync_api import Page

from tests.browser.shown import Shown


def _name(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("refunds-worker")
    page.get_by_label("Owner", exact=False).fill("payments@kestrel.example")


def _fill(page: Page) -> None:
    _name(page)
    page.locator("#scopes input").first.check()
    page.locator("#what-you-get", has_text="refunds-worker").wait_for()


def _choose_key(page: Page) -> None:
    page.get_by_label("Signed assertion").check()


def _choose_certificate(page: Page) -> None:
    page.get_by_label("Mutual TLS").check()
    page.locator("summary", has_text="More limits").click()


def _send_what_is_wrong(page: Page) -> None:
    page.locator("summary", has_text="More limits").click()
    page.get_by_label("Allowed addresses").fill("203.0.113.300")
    page.get_by_role("button", name="Create client and show secret").click()
    page.get_by_role("alert").first.wait_for()


def _make(page: Page) -> None:
    _fill(page)
    page.get_by_label("Test", exact=False).first.check()
    page.get_by_role("button", name="Create client and show secret").click()
    page.get_by_role("heading", name="Save the secret now").wait_for()
    page.get_by_label("I have saved the secret").check()


def _make_twice(page: Page) -> None:
    once = page.locator("[name=once]").input_value()
    _make(page)
    page.goto("/w/kestrel/clients/new/")
    page.locator("[name=once]").evaluate("(field, once) => { field.value = once; }", once)
    page.get_by_role("button", name="Create client and show secret").click()
    page.get_by_role("heading", name="The client was created").wait_for()


NEW = "/w/kestrel/clients/new/"
PAGES = [
    Shown("start", "/w/kestrel/start/", "Get your first token", picture="first-run"),
    Shown("start", "/w/kestrel/start/", "Get your first token", "ben"),
    Shown("client_new", NEW, "Create client", act=_fill, picture="create-client"),
    Shown("client_new", NEW, "Create client", act=_choose_key, picture="create-client-key"),
    Shown("client_new", NEW, "Create client", act=_choose_certificate),
    Shown("client_new", NEW, "Error: Create client", act=_send_what_is_wrong, picture="create-client-errors"),
    Shown("client_new", NEW, "refunds-worker is ready", act=_make, picture="secret-once"),
    Shown("client_new", NEW, "Shown once · refunds-worker", act=_make_twice, picture="secret-once-again"),
    Shown("client_new", NEW, "Clients", "ben", status=403),
    Shown("client_live", "/w/kestrel/clients/{client}/live/", "Requests as they arrive"),
    Shown("client_examples", "/w/kestrel/clients/{client}/examples/", "Examples · billing-sync", picture="client-examples"),
    Shown("client_examples", "/w/kestrel/clients/{key_client}/examples/", "Examples"),
    Shown("client_examples", "/w/kestrel/clients/{certificate_client}/examples/", "Examples"),
]
# Routes that have no page of their own.
WITHOUT_PAGE: set[str] = {"client_preview"}
