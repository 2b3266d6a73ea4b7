"""Every page that a person can see, with an address that shows it. Used by the tests of all pages, and for their pictures."""

import json
import time
from typing import Any

from playwright.sync_api import BrowserContext, Page

from tests.browser.shown import PASSWORD, audit, client, client_settings, clients, create, credentials, docs, hand_over, leak, people, usage
from tests.servers.conftest import Server

# Runs where the server's database is, with the services that pages call.
_MAKE = "import json; from tests.browser import cast; print(json.dumps(cast.{function}(*json.loads({arguments!r}))))"

_AREAS = (people, clients, create, client, credentials, client_settings, usage, leak, audit, hand_over, docs)

PAGES = [shown for area in _AREAS for shown in area.PAGES]
PAGES_OF_PEOPLE = people.PAGES
PAGES_OF_CLIENTS = [shown for area in (clients, create, client, credentials) for shown in area.PAGES]
PAGES_OF_WORKSPACES = [shown for shown in PAGES if shown not in PAGES_OF_PEOPLE and shown not in PAGES_OF_CLIENTS]
WITHOUT_PAGE = {name for area in _AREAS for name in area.WITHOUT_PAGE}


def make(server: Server, function: str, *arguments: Any) -> Any:
    """Call a function of tests.browser.cast beside the server, and return what it does."""
    done = server.fork("shell", "--no-imports", "-c", _MAKE.format(function=function, arguments=json.dumps(arguments)))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# Of each server by its address, the session of each person.
_sessions: dict[str, dict[str, str]] = {}


def open_session(context: BrowserContext, server: Server, person: str) -> None:
    """As if that person had just signed in there, with all factors."""
    known = _sessions.setdefault(server.url, {})
    if person not in known:
        known.update(make(server, "create_sessions", list(known)))
    context.add_cookies([{"name": "__Host-session", "value": known[person], "url": server.url, "httpOnly": True}])


def wait_until_counted(server: Server, client_id: str, requests: int) -> None:
    """What a client did is written every 2 seconds, and only then shown."""
    for _ in range(100):
        if server.count_usage(client_id) >= requests:
            return
        time.sleep(0.1)
    raise AssertionError(f"the server didn't count {requests} requests of {client_id}")


def sign_in(page: Page, person: str) -> None:
    page.goto("/accounts/sign-in/")
    page.get_by_label("Email", exact=True).fill(f"{person}@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(lambda url: "/sign-in/" not in url)
