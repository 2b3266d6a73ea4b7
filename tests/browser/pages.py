"""Every page that a person can see, with an address that shows it. Used by the tests of all pages, and for their pictures."""

import json
from typing import Any

from playwright.sync_api import Page

from tests.browser.shown import PASSWORD, audit, client, client_settings, clients, create, credentials, docs, hand_over, leak, people, usage
from tests.servers.conftest import Server

# Runs where the server's database is, with the services that pages call.
_MAKE = "import json; from tests.browser import cast; print(json.dumps(cast.{function}(*json.loads({arguments!r}))))"

_AREAS = (people, clients, create, client, credentials, client_settings, usage, leak, audit, hand_over, docs)

PAGES = [shown for area in _AREAS for shown in area.PAGES]
PAGES_OF_PEOPLE, PAGES_OF_CLIENTS = people.PAGES, [shown for area in _AREAS if area is not people for shown in area.PAGES]
WITHOUT_PAGE = {name for area in _AREAS for name in area.WITHOUT_PAGE}


def make(server: Server, function: str, *arguments: Any) -> Any:
    """Call a function of tests.browser.cast beside the server, and return what it does."""
    done = server.fork("shell", "--no-imports", "-c", _MAKE.format(function=function, arguments=json.dumps(arguments)))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def sign_in(page: Page, person: str, recovery_codes: dict[str, list[str]]) -> None:
    """recovery_codes: of those who have a second factor. One is used."""
    page.goto("/accounts/sign-in/")
    page.get_by_label("Email", exact=True).fill(f"{person}@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    if person in recovery_codes:
        page.get_by_label("Code", exact=True).fill(recovery_codes[person].pop())
        page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in/" not in url)
