"""Chromium, as Debian packages it, against the real server. Without it these tests are skipped: make test must not need a package manager."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.servers.conftest import Server, make_server, server  # noqa: F401  # fixtures

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Watched:
    """A page, and what went wrong in it: scripts that failed, what the policy blocked, answers that were errors."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Only as long as a module: while it runs, Django takes this thread for an asynchronous one and refuses its database."""
    if CHROMIUM is None:
        pytest.skip("Chromium isn't installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, server: Server) -> Iterator[Callable[..., Watched]]:  # noqa: F811  # the fixture
    """Open a new browser window of a given width, without cookies."""
    contexts = []

    def visit(width: int = 1280, **options) -> Watched:
        context = chromium.new_context(base_url=server.url, viewport={"width": width, "height": 900}, ignore_https_errors=True, **options)
        contexts.append(context)
        watched = Watched(context.new_page())
        watched.page.on("console", lambda message: watched.complaints.append(message.text) if message.type in ("error", "warning") else None)
        watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        return watched

    yield visit
    for context in contexts:
        context.close()
