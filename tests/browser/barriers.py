"""What makes a page hard to use, as far as a program can see: violations of axe's rules, sideways scrolling, layout that moves (design, sections 10 and 11)."""

from importlib.resources import files
from typing import Literal

from playwright.sync_api import Page

# Off by default in axe, but WCAG 2.2 AA.
OPTIONS = {"rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"], "preload": False}
# The whole page, but of long tables the first rows: the others are made by the same template, and axe takes a second for fifty.
_PLACES = {"include": [["html"]], "exclude": [["tbody tr:nth-child(n+13)"]]}
_AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
# As a reader's own style sheet would do it (WCAG 2.2, 1.4.12).
_SPACING = """
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
                       p { margin-bottom: 2em !important }`);
    document.adoptedStyleSheets = [sheet];
"""
# As somebody sees it: with its fonts, and painted once since the window, the theme or the place on the page changed.
_PAINTED = "() => document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))))"
_SHIFT = """
    new Promise((resolve) => {
      const found = [];
      const say = (source) => (source.node?.outerHTML || source.node?.textContent || "?").slice(0, 100);
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) found.push(`moved by ${entry.value}: ${entry.sources.map(say).join(", ")}`);
      }).observe({ type: "layout-shift", buffered: true });
      setTimeout(() => resolve(found), 30);
    })
"""


# Of tables that stack on a phone, with the label beside the value: what of a value stands where the labels are.
_UNDER_LABELS = """
    () => [...document.querySelectorAll(".tbl.stack td[data-l]:not(.tick)")].flatMap((cell) => {
      const found = [], range = document.createRange();
      const left = cell.getBoundingClientRect().left + 7.5 * parseFloat(getComputedStyle(document.documentElement).fontSize);
      const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        range.selectNodeContents(walker.currentNode);
        const shown = [...range.getClientRects()].some((box) => box.width > 1 && box.left < left - 1);
        if (shown && walker.currentNode.textContent.trim()) found.push(walker.currentNode.textContent.trim().slice(0, 60));
      }
      return found;
    })
"""


# What can be pressed and begins to the left of the window, where nobody can scroll.
_CUT = """
    () => [...document.querySelectorAll("a, button, summary, input, select, textarea")]
      .filter((element) => element.checkVisibility() && element.getBoundingClientRect().left < -1 && !element.closest(".vh"))
      .map((element) => element.outerHTML.slice(0, 100))
"""


def find_barriers(page: Page) -> list[str]:
    """Violations of axe's rules, as “rule: element”."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"() => {{ {_AXE} }}")
    page.evaluate(_PAINTED)
    violations = page.evaluate("async ([places, options]) => (await axe.run(places, options)).violations", [_PLACES, OPTIONS])
    return [f"{violation['id']}: {node['html']}" for violation in violations for node in violation["nodes"]]


_WIDTHS = (1280, 960, 768, 390, 320)
# The theme in which axe looks, by width. A theme is nothing but colours, all from the same tokens, so each width is looked at in one.
_THOROUGH: dict[int, Literal["light", "dark"]] = {1280: "dark", 390: "light"}
_ONCE: dict[int, Literal["light", "dark"]] = {390: "dark"}


def find_all_barriers(page: Page, *, thorough: bool = False) -> list[str]:
    """On a desk, a tablet and a phone, and at 400 % zoom, without a new visit. It leaves the page on the desk, in light.

    thorough: axe also looks on the desk, whose menu and tables are the same on most pages.
    """
    # Colours that fade into others while axe looks would be no finding.
    page.emulate_media(reduced_motion="reduce")
    found = []
    schemes = _THOROUGH if thorough else _ONCE
    for width in _WIDTHS:
        if scrolls_sideways(page, width):
            found.append(f"{width}: scrolls sideways")
        found += [f"{width}: cut on the left: {element}" for element in page.evaluate(_CUT)]
        if width in schemes:
            page.emulate_media(color_scheme=schemes[width])
            # What the window's edge cuts is no smaller for a reader who scrolls.
            page.evaluate("scrollTo(0, 0)")
            found += [f"{schemes[width]} {width}: {barrier}" for barrier in find_barriers(page)]
        if width == 390:
            found += [f"390: under its label stands “{text}”" for text in page.evaluate(_UNDER_LABELS)]
    page.evaluate(_SPACING)
    if scrolls_sideways(page, 320):
        found.append("320 with text spacing: scrolls sideways")
    page.evaluate("document.adoptedStyleSheets = []")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
    return found


def scrolls_sideways(page: Page, width: int) -> bool:
    page.set_viewport_size({"width": width, "height": 900})
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def find_shifts(page: Page) -> list[str]:
    """What moved since the page began to load."""
    found: list[str] = page.evaluate(_SHIFT)
    return found
