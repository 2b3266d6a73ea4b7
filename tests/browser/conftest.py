"""Chromium, as Debian packages it, against the real server. Without it these tests are skipped, except in CI: make test must not need a package manager."""

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.browser.hands import WAYS, Pointer
from tests.browser.leaks import Watch
from tests.browser.pages import make, open_session
from tests.servers.conftest import Server, keys, make_lasting_server, make_server  # noqa: F401  # fixtures
from tests.servers.shared import make_once, run_folder
from tests.servers.stores import missing

# It makes assertions for several modules, which say then what they saw.
pytest.register_assert_rewrite("tests.browser.windows")

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# The same engine without all that is around a page, in half the time.
QUICK_CHROMIUM = shutil.which("chromium-headless-shell") or CHROMIUM
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Its scripts run once for each page: what would make them faster the next time costs more than it saves.
    "--js-flags=--no-opt --no-maglev --always-sparkplug --single-threaded-gc --min-semi-space-size=64 --max-semi-space-size=64",
]


@dataclass
class Watched:
    """A page, and what went wrong in it: scripts that failed, what the policy blocked, answers that were errors."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module", autouse=True)
def _unmeasured(unmeasured: None) -> None:
    """These tests' own process only runs a browser's driver."""


@pytest.fixture(scope="package")
def server(make_lasting_server: Callable[..., Server]) -> Iterator[Server]:  # noqa: F811  # the fixture
    """One server for all modules that create their own people, whose names no other module uses."""
    made = make_lasting_server()
    yield made
    made.stop(signal.SIGQUIT)


@pytest.fixture(scope="package")
def _kestrel_and_cast(make_lasting_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Any]]:  # noqa: F811
    sso = {"SSO_ISSUER": "https://sso.example.com", "SSO_CLIENT_ID": "tokenos", "SSO_CLIENT_SECRET": "of-nobody", "SSO_NAME": "Kestrel ID"}
    # One worker: each compiles for itself the templates of all pages that it shows.
    made = make_lasting_server(start=False, WEB_CONCURRENCY="1", **sso)
    folder = run_folder(tmp_path_factory)

    def create() -> dict[str, str]:
        values = make(made, "create_cast")
        made.close()
        shutil.copytree(made.data_dir, folder / "cast")
        return {"values": json.dumps(values)}

    # Once for all processes: it takes as long as looking at five pages.
    values = json.loads(make_once(folder, "cast", create)["values"])
    shutil.copytree(folder / "cast", made.data_dir, dirs_exist_ok=True)
    made.start()
    yield made, values
    made.stop(signal.SIGQUIT)


@pytest.fixture(scope="package")
def kestrel(_kestrel_and_cast: tuple[Server, Any]) -> Server:
    """One server for all modules that use the whole cast, with single sign-on at a provider that these tests never use."""
    return _kestrel_and_cast[0]


@pytest.fixture(scope="package")
def cast(_kestrel_and_cast: tuple[Server, Any]) -> Any:
    return _kestrel_and_cast[1]


@pytest.fixture(scope="package")
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="package")
def chromium(watch: Watch) -> Iterator[Browser]:
    """It runs only during these tests: meanwhile, Django takes this thread for an asynchronous one and refuses database access."""
    if QUICK_CHROMIUM is None:
        missing("Chromium", install="apt install chromium-headless-shell chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=QUICK_CHROMIUM, args=ARGUMENTS)
        browser.on("context", watch.follow)
        yield browser
        browser.close()


@pytest.fixture(scope="module", autouse=True)
def secrets_stay_secret(server: Server, watch: Watch, chromium: Browser) -> Iterator[None]:
    """Checked after all tests of a module: a secret that is shown once was shown only once."""
    yield
    watch.search(server)


@pytest.fixture(scope="package")
def windows(chromium: Browser, kestrel: Server) -> Iterator[Callable[[str | None], Page]]:
    """A function that returns the page of a person's window, signed in."""
    opened: dict[str | None, Page] = {}

    def window(person: str | None) -> Page:
        if person not in opened:
            context = chromium.new_context(base_url=kestrel.url, viewport={"width": 1280, "height": 900}, ignore_https_errors=True)
            if person:
                open_session(context, kestrel, person)
            page = context.new_page()
            page.set_default_timeout(10_000)
            page.complaints = []  # type: ignore[attr-defined]  # what went wrong in it
            page.on("console", lambda message: page.complaints.append(message.text) if message.type in ("error", "warning") else None)
            page.on("pageerror", lambda error: page.complaints.append(str(error)))
            opened[person] = page
        return opened[person]

    yield window
    for page in opened.values():
        page.context.close()


@pytest.fixture
def visit(chromium: Browser, server: Server) -> Iterator[Callable[..., Watched]]:
    """A function that opens a new browser window of a given width. person: who is signed in there."""
    contexts = []

    def visit(width: int = 1280, person: str = "", **options) -> Watched:
        context = chromium.new_context(base_url=server.url, viewport={"width": width, "height": 900}, ignore_https_errors=True, **options)
        contexts.append(context)
        if person:
            open_session(context, server, person)
        watched = Watched(context.new_page())
        watched.page.on("console", lambda message: watched.complaints.append(message.text) if message.type in ("error", "warning") else None)
        watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        return watched

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture
def enter(chromium: Browser, server: Server) -> Iterator[Callable[..., Pointer]]:
    """A function that opens a new browser, to be used in one of WAYS, and returns the hand that uses it. Nothing may go wrong in it.

    person: who is signed in there.
    """
    contexts, complaints = [], []

    def note(message: ConsoleMessage) -> None:
        # Another server's pages, such as those of an OpenID provider, are its own business.
        if message.type in ("error", "warning") and message.location["url"].startswith(server.url):
            complaints.append(message.text)

    def enter(way: str, person: str = "") -> Pointer:
        kind, options = WAYS[way]
        context = chromium.new_context(base_url=server.url, ignore_https_errors=True, **{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        if person:
            open_session(context, server, person)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return kind(page)

    yield enter
    for context in contexts:
        context.close()
    # Chromium reports 403 and 404 itself.
    assert [complaint for complaint in complaints if "the server responded with a status of" not in complaint] == []
