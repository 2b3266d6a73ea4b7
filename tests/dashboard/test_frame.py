"""What every page has: theme, time zone, navigation, and caching."""

import re

import pytest

from tests import factories
from tests.dashboard.conftest import age_session
from tests.style_guide import settings as style_guide

ZONE = "/accounts/time-zone/"


@pytest.fixture
def ben_browses(browser, demo, ben):
    browser.force_login(ben)
    return browser


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_a_theme_is_remembered_and_leads_back(browser, theme, db):
    response = browser.post("/accounts/theme/", {"theme": theme, "next": "/accounts/sign-in/?x=1"})
    assert (response.status_code, response["Location"]) == (302, "/accounts/sign-in/?x=1")
    assert f'data-theme="{theme}"' in browser.get("/accounts/sign-in/").content.decode()
    cookie = browser.cookies["__Host-theme"]
    assert (cookie["secure"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 365 * 24 * 3600)


@pytest.mark.parametrize("theme", ["", "pink", '"><script>', "\0", "🌙", "x" * 100_000])
def test_anything_but_a_theme_changes_nothing(browser, theme):
    response = browser.post("/accounts/theme/", {"theme": theme})
    assert (response.status_code, "__Host-theme" in browser.cookies) == (400, False)


@pytest.mark.parametrize("path", ["/accounts/theme/", ZONE])
@pytest.mark.parametrize("there", ["https://evil.example.com/", "//evil.example.com/", "/\\evil.example.com", "javascript:alert(1)", "", "\0"])
def test_the_way_back_never_leads_elsewhere(browser, path, there):
    assert browser.post(path, {"theme": "dark", "zone": "UTC", "next": there})["Location"] == "/"


def test_strangers_find_help_on_every_page_no_warning_of_a_session_and_what_a_made_up_cookie_says_is_ignored(browser, db):
    browser.cookies["__Host-theme"] = "x' onload='y"
    browser.cookies["__Host-zone"] = "../../etc/passwd"
    for page in ("/accounts/sign-in/", "/accounts/reset/", "/accounts/help/"):
        text = browser.get(page).content.decode()
        assert 'href="/accounts/help/"' in text
        assert "data-session" not in text
        assert 'data-theme="auto"' in text
        assert "onload" not in text
        assert_nothing_inline(text)
    assert browser.post("/accounts/stay/")["Location"] == "/accounts/sign-in/?next=/accounts/stay/"


def test_a_time_zone_is_remembered_and_leads_back_and_a_browser_that_says_none_gets_a_page_to_choose_one(browser, db):
    text = " ".join(browser.post(ZONE, {"zone": "", "next": "/w/"}).content.decode().split())
    assert "<option>Europe/Berlin</option>" in text
    assert 'name="next" value="/w/"' in text
    assert "Nothing was changed" not in text
    response = browser.post(ZONE, {"zone": "Europe/Berlin", "next": "/w/"})
    assert (response.status_code, response["Location"]) == (302, "/w/")
    assert browser.cookies["__Host-zone"].value == "Europe/Berlin"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "/etc/localtime", "\0", "🕛", "x" * 100_000])
def test_anything_but_a_zone_changes_nothing_and_says_so(browser, zone, db):
    response = browser.post(ZONE, {"zone": zone})
    assert "zone" not in browser.cookies
    assert "Nothing was changed. This server doesn’t know that time zone." in response.content.decode()
    assert "<title>Error: Time zone" in response.content.decode()


def test_a_page_of_a_workspace_has_one_heading_landmarks_and_ways_past_the_navigation_to_help_and_out(ben_browses, ben):
    text = ben_browses.get("/w/demo/members/").content.decode()
    assert text.count("<h1") == 1
    assert '<html lang="en"' in text
    for part in ('<a class="skip" href="#main">', "<header", "<nav", '<main class="sheet', 'role="status"', 'href="/accounts/help/"'):
        assert part in text
    assert "<title>Members · Demo · TokenOS</title>" in text
    assert 'aria-current="page"' in text
    assert_nothing_inline(text)
    # Single keys are off for whom they disturb.
    assert "data-keys" not in text
    ben.has_single_keys = False
    ben.save()
    assert 'data-keys="off"' in ben_browses.get("/w/demo/members/").content.decode()
    assert "recover_account" in ben_browses.get("/accounts/help/").content.decode()


def assert_nothing_inline(text):
    for inline in ("style=", "<style", "onclick", "<script>"):
        assert inline not in text


def test_no_page_is_kept_by_the_browser_and_signing_out_is_one_link_away(ben_browses):
    for path in ("/accounts/sign-in/", "/", "/w/", "/w/demo/members/", "/accounts/profile/", "/accounts/theme/", "/nothing"):
        page = ben_browses.get(path)
        assert "no-store" in page["Cache-Control"], path
        if path in ("/w/", "/w/demo/members/", "/accounts/profile/"):
            assert '<a href="/accounts/sign-out/">Sign out</a>' in page.content.decode()


def test_a_session_ends_twelve_hours_after_its_last_request(browser, demo, ada):
    browser.post("/accounts/sign-in/", {"login": ada.email, "password": factories.PASSWORD})
    assert browser.cookies["__Host-session"]["max-age"] == 12 * 3600
    del browser.cookies["__Host-session"]["max-age"]
    assert "__Host-session" not in browser.post("/accounts/stay/").cookies
    age_session(browser, minutes=2)
    response = browser.post("/accounts/stay/")
    assert (response.status_code, response.cookies["__Host-session"]["max-age"]) == (204, 12 * 3600)
    text = browser.get("/w/demo/members/").content.decode()
    assert 'data-session="43200"' in text
    assert "Stay signed in" in text


def age_sign_in(browser, *, days, hours=0):
    """Make the sign-in that old, with the session in use ever since."""
    session = browser.session
    for record in session["account_authentication_methods"]:
        record["at"] -= (24 * days + hours) * 3600
    session.save()
    age_session(browser, minutes=2)


def test_a_session_ends_a_week_after_the_sign_in_however_it_is_used(browser, demo, ada):
    browser.post("/accounts/sign-in/", {"login": ada.email, "password": factories.PASSWORD})
    age_sign_in(browser, days=6, hours=23)
    browser.post("/accounts/stay/")
    text = browser.get("/w/demo/members/").content.decode()
    left = int(text.split('data-session="')[1].split('"')[0])
    assert 3590 < left <= 3600
    assert "Stay signed in" not in text
    assert "Finish what you are doing, then sign in again." in text
    age_session(browser, minutes=2)
    assert browser.post("/accounts/stay/").status_code == 204
    age_sign_in(browser, days=0, hours=2)
    assert browser.get("/w/demo/members/")["Location"] == "/accounts/sign-in/?next=/w/demo/members/"


def test_the_style_guide_shows_every_icon_and_a_form_with_errors(browser, settings):
    settings.ROOT_URLCONF, settings.TEMPLATES = style_guide.ROOT_URLCONF, style_guide.TEMPLATES
    text = " ".join(browser.get("/styleguide/").content.decode().split())
    assert text.count("icons.svg#siren") == 1
    assert "Nothing was created. Fix 2 things:" in text
    assert "style=" not in text


def test_the_keyboard_page_promises_no_key_that_leads_nowhere(ben_browses):
    ben_browses.get("/w/demo/members/")
    text = ben_browses.get("/accounts/display/").content.decode()
    assert "".join(re.findall(r'data-go="(.)"', text)) == "cualdmsh"
    keys = set(re.findall(r"<kbd>G</kbd>\s*<kbd>(.)</kbd>", text))
    assert keys == {key.upper() for key in re.findall(r'data-go="(.)"', text)}


@pytest.mark.parametrize("page", ["clients", "start", "explain", "hygiene", "hygiene/secrets-without-end"])
def test_pages_about_clients_stand_under_clients_in_the_navigation(ben_browses, page):
    current = re.findall(r'href="([^"]+)"\s+data-go="." aria-current="page"', ben_browses.get(f"/w/demo/{page}/").content.decode())
    assert current == ["/w/demo/clients/"]
