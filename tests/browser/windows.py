"""How a page is looked at, and what it may weigh."""

import gzip
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Error, Page, Response

from tests.browser.barriers import find_all_barriers, find_shifts
from tests.browser.shown import Shown

SCREENSHOTS = os.environ.get("SCREENSHOTS")

# Octets after gzip, of all files and of what comes with each visit; files; seconds of CPU for all scripts together, as much as one task may take.
FIRST_VISIT, LATER_VISIT, MAX_REQUESTS, MAX_SCRIPT = 60_000, 15_000, 5, 0.05


def take_pictures(page: Page, name: str) -> None:
    """If SCREENSHOTS names a folder, such as docs/screens, the tests save what they saw there."""
    for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=Path(SCREENSHOTS or ".") / f"{name}-{'narrow' if width == 390 else scheme}.png", full_page=True)
    page.emulate_media(color_scheme="light")


# Of files whose names change with what is in them.
_weights: dict[str, int] = {}


def _weigh(page: Page, answer: Response) -> int:
    if answer.url not in _weights or "/static/" not in answer.url:
        try:
            body = answer.body()
        except Error:
            # Chromium drops bodies as it likes.
            body = page.request.get(answer.url).body()
        _weights[answer.url] = len(gzip.compress(body))
    return _weights[answer.url]


class Visit:
    """One address in one window: what came with it, and what its scripts took."""

    def __init__(self, page: Page, path: str) -> None:
        self.page = page
        self.answers: list[Response] = []

        def keep(answer: Response) -> None:
            # What came before was asked for by the page that is left; a redirect has no body.
            if answer.request.is_navigation_request():
                self.answers.clear()
            if answer.status != 302:
                self.answers.append(answer)

        session = page.context.new_cdp_session(page)
        # Of the thread, which other processes don't hold up.
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def seconds() -> float:
            return float({metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}["ScriptDuration"])

        page.on("response", keep)
        before = seconds()
        self.answer = page.goto(path)
        after = seconds()
        # A page that comes in a process of its own is counted from nought.
        self.script_seconds = after - before if after >= before else after
        page.remove_listener("response", keep)
        session.detach()

    def find_weights(self) -> tuple[int, int]:
        """Of all that came, and of what isn't kept in the browser."""
        weights = {answer.url: _weigh(self.page, answer) for answer in self.answers}
        return sum(weights.values()), sum(weight for url, weight in weights.items() if "/static/" not in url)


def look_at(page: Page, cast: Any, shown: Shown) -> None:
    """The page is light and accessible, and nothing on it moves or fails."""
    page.complaints.clear()
    visit = Visit(page, shown.path.format(**cast))
    assert visit.answer is not None
    assert visit.answer.status == shown.status
    assert find_shifts(page) == []
    _assert_light(visit, page)
    if shown.act:
        shown.act(page)
    assert page.title().startswith(shown.title)
    assert page.title().endswith(" · TokenOS")
    assert page.locator("h1").count() == 1
    assert find_all_barriers(page, thorough=bool(shown.picture)) == []
    if SCREENSHOTS and shown.picture:
        take_pictures(page, shown.picture)
    assert [complaint for complaint in page.complaints if "the server responded with a status of" not in complaint] == []


def _assert_light(visit: Visit, page: Page) -> None:
    first, later = visit.find_weights()
    assert first <= FIRST_VISIT
    assert later <= LATER_VISIT
    assert len(visit.answers) <= MAX_REQUESTS
    assert {urlsplit(answer.url).netloc for answer in visit.answers} == {urlsplit(page.url).netloc}
    # On a busy machine a visit may take longer by chance, but not two.
    seconds = visit.script_seconds if visit.script_seconds < MAX_SCRIPT else Visit(page, page.url).script_seconds
    assert 0 <= seconds < MAX_SCRIPT
    kept = {answer.url: answer.headers.get("cache-control", "") for answer in visit.answers}
    of_files = {text for url, text in kept.items() if "/static/" in url}
    # A page of an error names its files without the hashes, which may be what is missing.
    assert of_files <= {"max-age=315360000, public, immutable", *(["max-age=60, public"] if visit.answer and visit.answer.status >= 400 else [])}
    assert all("no-store" in text for url, text in kept.items() if "/static/" not in url), kept
