"""Finding a client: in the list, by what needs attention, and from anywhere by the palette; on a phone, by keyboard only, and without JavaScript."""

import pytest

from tests.browser.barriers import find_barriers
from tests.browser.hands import BOTH, MAINLY_PHONE, WITH_SCRIPT

LIST = "/w/kestrel/clients/"
# In the form of a secret, and nobody's.
SECRET = "tos_live_Kp4zR1uW9a_" + "x" * 39


@pytest.fixture(scope="module")
def server(kestrel):
    return kestrel


@pytest.fixture
def hand(enter, cast, request):
    """Tom, a developer, is signed in."""
    hand = enter(request.param, "tom")
    hand.page.goto(LIST)
    return hand


def in_ways(ways):
    return pytest.mark.parametrize("hand", list(ways), indirect=True)


def names(page):
    return page.locator("tbody .named bdi").all_inner_texts()


@in_ways(BOTH)
def test_a_client_is_found_among_all_and_opened(hand):
    assert "billing-sync" in names(hand.page)
    hand.write("Search by name, client ID, owner or scope", "billing")
    if hand.page.get_by_role("button", name="Apply", exact=True).is_visible():
        hand.press("Apply")
    hand.page.wait_for_url("**/clients/?*q=billing*")
    hand.page.get_by_text("1–1 of 1 client.").wait_for()
    assert names(hand.page) == ["billing-sync"]
    hand.press("billing-sync")
    hand.page.get_by_role("heading", name="billing-sync", level=1).wait_for()


@in_ways(BOTH)
def test_what_needs_care_is_listed_and_the_order_is_turned_around(hand):
    hand.press("Show these")
    hand.page.wait_for_url("**status=attention*")
    assert "billing-sync" in names(hand.page)
    assert "refunds-worker" not in names(hand.page)
    hand.page.goto(f"{LIST}?sort=name")
    ordered = names(hand.page)
    if hand.page.viewport_size["width"] < 768:
        return  # a phone has cards, without a head to press
    hand.press("Client sorted, ascending")
    hand.page.wait_for_url("**sort=-name*")
    assert names(hand.page) == ordered[::-1]


@in_ways(MAINLY_PHONE)
def test_while_one_types_the_list_follows_is_announced_and_can_be_linked(hand):
    page = hand.page
    field = page.get_by_role("searchbox")
    field.press_sequentially("crm")
    page.wait_for_url("**q=crm*")
    page.locator("#say", has_text="1 client").wait_for(state="attached")
    assert field.evaluate("element => element === document.activeElement")
    page.reload()
    assert names(page) == ["crm-bridge"]
    page.get_by_role("link", name="All", exact=False).first.wait_for()
    assert "q=crm" in page.locator("#clients-env a").first.get_attribute("href")


@in_ways(MAINLY_PHONE)
def test_a_secret_pasted_into_a_search_stays_in_the_browser(hand):
    page, sent = hand.page, []
    page.on("request", lambda request: sent.append(request.url + (request.post_data or "")))
    page.get_by_role("searchbox").fill(SECRET)
    page.get_by_role("alert").get_by_text("That looks like a secret. It was not sent.").wait_for()
    assert page.get_by_role("searchbox").input_value() == ""
    open_palette(hand)
    page.get_by_role("dialog").get_by_role("combobox").fill(SECRET)
    page.get_by_role("dialog").get_by_role("option", name="That looks like a secret. Respond to a leak").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/leak/")
    assert not any("Kp4zR1uW9a" in url for url in sent)


@in_ways(WITH_SCRIPT)
def test_a_search_that_is_sent_at_once_keeps_a_secret_back_and_leads_to_leak_response(hand):
    page, sent = hand.page, []
    page.on("request", lambda request: sent.append(request.url + (request.post_data or "")))
    for path, label in (
        ("/w/kestrel/search/", "Search clients, IDs, people, pages and actions"),
        ("/w/kestrel/docs/quick-start/", "Client in the examples"),
        (LIST, "Search by name, client ID, owner or scope"),
    ):
        page.goto(path)
        field, note = page.get_by_label(label, exact=True), page.get_by_role("alert").get_by_text("That looks like a secret. It was not sent.")
        for _ in range(2):
            field.fill(SECRET)
            field.press("Enter")
            note.wait_for()
            assert field.input_value() == ""
        assert note.count() == 1
        assert page.url.endswith(path)
    hand.press("Respond to a leak")
    page.wait_for_url("**/leak/")
    assert not any("Kp4zR1uW9a" in text for text in sent)


def open_palette(hand):
    if hand.page.viewport_size["width"] < 768:
        hand.press("Search")
    else:
        hand.page.keyboard.press("Control+k")
    hand.page.get_by_role("dialog").get_by_role("option").first.wait_for()


@in_ways(WITH_SCRIPT)
def test_the_palette_leads_to_a_client_and_gives_the_focus_back(hand, cast):
    page = hand.page
    opener = page.get_by_role("searchbox")
    opener.focus()
    open_palette(hand)
    assert find_barriers(page) == []
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    open_palette(hand)
    page.keyboard.type("billng")
    page.get_by_role("dialog").get_by_role("option", name="billing-sync").wait_for()
    field = page.get_by_role("dialog").get_by_role("combobox")
    chosen = page.locator(f"#{field.get_attribute('aria-activedescendant')}")
    assert (chosen.get_attribute("aria-selected"), "billing-sync" in chosen.inner_text()) == ("true", True)
    page.locator("#say", has_text="result").wait_for(state="attached")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/clients/{cast['client']}/")
    open_palette(hand)
    assert "billing-sync" in page.get_by_role("dialog").get_by_role("option").first.inner_text()


@in_ways(["keyboard"])
def test_arrows_go_around_and_credentials_are_found_by_their_id(hand, cast):
    page = hand.page
    page.get_by_role("searchbox").focus()
    open_palette(hand)
    count = page.get_by_role("dialog").get_by_role("option").count()
    page.keyboard.press("ArrowUp")
    assert (
        page.get_by_role("dialog")
        .get_by_role("option", selected=True)
        .evaluate("element => [...document.querySelectorAll('dialog [role=option]')].indexOf(element)")
        == count - 1
    )
    page.keyboard.press("ArrowDown")
    assert page.get_by_role("dialog").get_by_role("option").first.get_attribute("aria-selected") == "true"
    page.keyboard.insert_text(cast["secret"])
    page.get_by_role("dialog").get_by_role("option", name=f"Secret {cast['secret']}").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/clients/{cast['client']}/")
    page.go_back()
    page.get_by_role("searchbox").wait_for()


@in_ways(["keyboard"])
def test_single_keys_lead_to_pages_and_are_listed(hand):
    page = hand.page
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    listed = page.locator("dialog dt").all_inner_texts()
    assert {"Ctrl K", "/", "C", "?"} <= {text.strip() for text in listed}
    assert {f"G {key}" for key in "CUALDMSH"} <= {text.strip() for text in listed}
    assert find_barriers(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.get_by_role("searchbox").evaluate("element => element === document.activeElement")
    page.keyboard.type("gm?c")
    assert page.get_by_role("searchbox").input_value() == "gm?c"
    page.goto(LIST)
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/members/")


@in_ways(["scriptless"])
def test_without_a_script_search_is_a_page(hand, cast):
    page = hand.page
    hand.press("Search")
    page.get_by_role("heading", name="Search", level=1).wait_for()
    page.get_by_role("searchbox").fill("billng")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("link", name="billing-sync", exact=True).click()
    page.wait_for_url(f"**/clients/{cast['client']}/")
