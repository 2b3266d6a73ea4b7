"""Every page, checked by a machine: accessible (WCAG 2.2 AA), light, and without layout shifts. Design, sections 10 and 11."""

from collections.abc import Iterator

import pytest
from django.urls import URLPattern

from dashboard import urls
from tests.browser.barriers import find_all_barriers, find_barriers
from tests.browser.pages import PAGES, PAGES_OF_PEOPLE, WITHOUT_PAGE, sign_in
from tests.browser.variants import mainly_once
from tests.browser.windows import SCREENSHOTS, look_at, take_pictures


@pytest.fixture(scope="module")
def server(kestrel):
    return kestrel


def route_names(patterns) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern.name
        elif pattern.app_name != "admin" and pattern.urlconf_name.__name__.startswith("dashboard."):
            yield from route_names(pattern.url_patterns)


def test_every_route_is_looked_at():
    routes = {*route_names(urls.urlpatterns), "not_found"} - {"home"}
    assert routes == {shown.name for shown in PAGES} | WITHOUT_PAGE


@pytest.mark.parametrize("shown", mainly_once(PAGES_OF_PEOPLE), ids=lambda shown: f"{shown.name}-{shown.person}-{shown.status}")
def test_a_page_is_light_stable_and_accessible(windows, cast, shown):
    look_at(windows(shown.person), cast, shown)


@pytest.mark.parametrize("opened", ["workspaces", "navigation", "acts"])
def test_dialogs_and_menus_are_accessible(windows, cast, opened):
    page = windows("ada")
    page.goto("/w/kestrel/clients/{client}/".format(**cast) if opened == "acts" else "/w/kestrel/members/")
    if opened == "navigation":
        page.set_viewport_size({"width": 390, "height": 900})
        page.get_by_role("button", name="Menu").click()
        page.get_by_role("link", name="Settings").wait_for()
    elif opened == "acts":
        page.locator(".head summary").click()
        page.get_by_role("link", name="Delete client").wait_for()
    else:
        page.locator("summary", has_text="Switch workspace").click()
        page.get_by_role("link", name="All workspaces").wait_for()
    assert find_all_barriers(page, thorough=True) == []


def test_what_is_chosen_shows_in_forced_colours(windows):
    page = windows("ada")
    page.goto("/w/kestrel/members/")
    page.emulate_media(forced_colors="active")

    def border(chosen):
        return page.locator(chosen).first.evaluate("(element) => getComputedStyle(element).borderTopStyle")

    assert [border(chosen) for chosen in (".nav a[aria-current]", ".theme [aria-pressed=true]", ".btn.main", ".tag")] == ["solid"] * 4
    page.locator(".pick input:checked").first.focus()
    assert page.locator(".pick label:has(:checked)").first.evaluate("(element) => getComputedStyle(element).outlineStyle") == "solid"
    assert find_barriers(page) == []
    page.emulate_media(forced_colors="none")


def test_every_part_of_the_style_guide_is_accessible(chromium, make_server):
    server = make_server(DJANGO_SETTINGS_MODULE="tests.style_guide.settings", WEB_CONCURRENCY="1")
    page = chromium.new_context(base_url=server.url, viewport={"width": 1280, "height": 900}, ignore_https_errors=True).new_page()
    page.goto("/styleguide/")
    assert find_all_barriers(page, thorough=True) == []
    if SCREENSHOTS:
        take_pictures(page, "styleguide")
    page.context.close()
    server.stop()


def test_back_after_signing_out_shows_nothing(chromium, server, cast):
    context = chromium.new_context(base_url=server.url, ignore_https_errors=True)
    page = context.new_page()
    sign_in(page, "ben")
    page.goto("/w/kestrel/members/")
    page.goto("/accounts/sign-out/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/sign-in/")
    page.go_back()
    page.go_back()
    assert "/accounts/sign-in/" in page.url
    assert "Mina Okafor" not in page.content()
    context.close()
