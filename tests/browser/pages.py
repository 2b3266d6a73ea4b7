"""Every page that a person can see, with an address that shows it. Used by the tests of all pages, and for their pictures."""

import json
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from tests.servers.conftest import Server

PASSWORD = "correct-horse-battery"
# Runs where the server's database is, with the services that pages call.
_MAKE = """
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
import django
django.setup()
from tests.browser import cast
print(json.dumps(getattr(cast, sys.argv[1])(*json.loads(sys.argv[2]))))
"""


@dataclass(frozen=True)
class Shown:
    """name: of the route. person: who looks, None for a stranger. title: what its <title> begins with. picture: whether docs/screens has it."""

    name: str
    path: str
    title: str
    person: str | None = "ada"
    picture: bool = True


PAGES = [
    Shown("account_login", "/accounts/sign-in/", "Sign in", None),
    Shown("time_zone", "/accounts/time-zone/", "Time zone", None, picture=False),
    Shown("workspaces", "/w/", "Workspaces"),
    Shown("workspace_new", "/w/new/", "Create workspace", "olga"),
    Shown("members", "/w/kestrel/members/", "Members"),
    Shown("settings", "/w/kestrel/settings/", "Settings"),
]
# Routes that have no page of their own: they act, answer a program, or lead on.
WITHOUT_PAGE = {"theme", "stay_signed_in", "workspace", "mfa_login_webauthn"}


def make(server: Server, function: str, *arguments: Any) -> Any:
    """Call a function of tests.browser.cast beside the server, and return what it does."""
    done = server.run("-c", _MAKE, function, json.dumps(arguments))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def sign_in(page: Page, person: str, password: str = PASSWORD) -> None:
    page.goto("/accounts/sign-in/")
    page.get_by_label("Email", exact=True).fill(f"{person}@example.com")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(lambda url: "/sign-in/" not in url)
