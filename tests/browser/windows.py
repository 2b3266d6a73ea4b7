"""What the tests of all pages share: a server with the whole cast, a window for each person, and how a page is looked at."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.barriers import find_all_barriers, find_shifts
from tests.browser.pages import make, sign_in
from tests.browser.shown import Shown
from tests.servers.conftest import Server

SCREENSHOTS = os.environ.get("SCREENSHOTS")


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server]) -> Server:
    """With single sign-on, at a provider that nobody here asks."""
    return make_server(SSO_ISSUER="https://sso.example.com", SSO_CLIENT_ID="tokenos", SSO_CLIENT_SECRET="of-nobody", SSO_NAME="Kestrel ID")


@pytest.fixture(scope="module")
def cast(server: Server) -> Any:
    return make(server, "create_cast")


@pytest.fixture(scope="module")
def windows(chromium: Browser, server: Server, cast: Any) -> Iterator[Callable[[str | None], Page]]:
    """A function that returns the page of a person's window, signed in."""
    opened: dict[str | None, Page] = {}

    def window(person: str | None) -> Page:
        if person not in opened:
            page = chromium.new_context(base_url=server.url, viewport={"width": 1280, "height": 900}, ignore_https_errors=True).new_page()
            page.set_default_timeout(10_000)
            page.complaints = []  # type: ignore[attr-defined]  # what went wrong in it
            page.on("console", lambda message: page.complaints.append(message.text) if message.type in ("error", "warning") else None)
            page.on("pageerror", lambda error: page.complaints.append(str(error)))
            if person:
                sign_in(page, person, cast["recovery_codes"])
            opened[person] = page
        return opened[person]

    yield window
    for page in opened.values():
        page.context.close()


def take_pictures(page: Page, name: str, *, full_page: bool = False) -> None:
    """Whoever sets SCREENSHOTS to a folder, docs/screens, finds there what the tests saw."""
    for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=Path(SCREENSHOTS or ".") / f"{name}-{'narrow' if width == 390 else scheme}.png", full_page=full_page)
    page.emulate_media(color_scheme="light")


def look_at(page: Page, cast: Any, shown: Shown) -> None:
    """Nothing on it moves, goes wrong or is in anybody's way."""
    page.complaints.clear()
    answer = page.goto(shown.path.format(**cast))
    assert answer is not None
    assert answer.status == shown.status
    assert find_shifts(page) == []
    if shown.act:
        shown.act(page)
    assert page.title().startswith(shown.title)
    assert page.title().endswith(" · TokenOS")
    assert page.locator("h1").count() == 1
    assert find_all_barriers(page, thorough=bool(SCREENSHOTS or os.environ.get("CI"))) == []
    if SCREENSHOTS and shown.picture:
        take_pictures(page, shown.picture)
    assert [complaint for complaint in page.complaints if "the server responded with a status of" not in complaint] == []
