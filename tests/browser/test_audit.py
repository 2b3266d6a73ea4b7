"""Finding out who did what, and whether the instance is well."""

import json
import re

import pytest

from tests.browser.hands import BOTH, MAINLY_PHONE, MAINLY_SCRIPTLESS
from tests.browser.pages import make


@pytest.fixture(scope="module", autouse=True)
def _events(server):
    make(server, "create_owners", ["auditor"])
    for name in ("billing-sync", "route-planner"):
        server.manage("create_client", "--workspace", "auditor", "--name", name)


@pytest.fixture
def auditor(enter):
    """A function that returns the hand of the person who is signed in."""
    return lambda way: enter(way, "auditor")


def rows(page):
    return page.locator("#events tbody tr:not(.day)")


@pytest.mark.parametrize("way", BOTH)
def test_an_event_is_found_by_what_it_was_done_to(auditor, way):
    hand = auditor(way)
    hand.page.goto("/w/auditor/audit/")
    hand.write("Search events", "route-pl")
    if way == "scriptless":
        hand.press("Apply")
    hand.page.wait_for_url(re.compile("q=route-pl"))
    hand.page.get_by_text("Only", exact=True).wait_for()
    assert {"route-planner" in text for text in rows(hand.page).all_inner_texts()} == {True}
    if way != "scriptless":
        hand.page.locator("#say", has_text="2 events").wait_for()

    hand.page.goto("/w/auditor/audit/?action=client.created&q=route-planner")
    hand.press(rows(hand.page).get_by_role("link", name="Open event").inner_text().strip())
    hand.page.get_by_role("heading", name="created client").wait_for()
    assert "client.created" in hand.page.get_by_role("main").inner_text()


@pytest.mark.parametrize(("width", "said"), [(390, " made secret {} of billing-sync by a command"), (1280, " made secret {} by a command")])
def test_a_row_is_a_sentence_on_a_phone_and_has_its_target_in_a_column_elsewhere(auditor, width, said):
    hand = auditor("phone")
    hand.page.set_viewport_size({"width": width, "height": 900})
    hand.page.goto("/w/auditor/audit/?action=secret.created&q=billing-sync")
    row = rows(hand.page).first
    text = " ".join(row.inner_text().split())
    assert said.format(row.locator("code").first.inner_text()) in text
    assert text.count("billing-sync") == 1
    assert row.get_by_role("link", name="billing-sync").count() == 1


@pytest.mark.parametrize("way", MAINLY_SCRIPTLESS)
def test_the_list_can_be_exported_more_than_once(auditor, way):
    hand = auditor(way)
    hand.page.goto("/w/auditor/audit/?q=route-planner")
    for _ in range(2):
        with hand.page.expect_download() as download:
            hand.press("Export JSON")
        lines = [json.loads(line) for line in download.value.path().read_text().splitlines()]
        assert [line["event"] for line in lines] == ["secret.created", "client.created"]
        assert re.fullmatch(r"audit-\d{4}-\d\d-\d\d\.json", download.value.suggested_filename)


@pytest.mark.parametrize("way", MAINLY_PHONE)
def test_dates_are_asked_for_where_they_are_chosen(auditor, way):
    hand = auditor(way)
    hand.page.goto("/w/auditor/audit/")
    assert not hand.page.get_by_label("From", exact=True).is_visible()
    hand.page.locator("label", has_text="Dates").click()
    hand.page.get_by_label("To", exact=True).fill("2020-01-01")
    hand.page.get_by_text("No events to 1 Jan 2020.").wait_for()


def test_health_refreshes_and_announces_only_changes(auditor):
    hand = auditor("keyboard")
    states = iter(enumerate(["All is well", "All is well", "Mail: Failed"]))

    def answer(route):
        number, state = next(states)
        route.fulfill(body=f'<p data-tells="{state}">Refreshed {number}</p>', content_type="text/html")

    hand.page.clock.install()
    hand.page.goto("/w/auditor/health/")
    assert hand.page.get_by_text("All is well.").is_visible()
    hand.page.route("**/w/auditor/health/", answer)
    for number in range(3):
        with hand.page.expect_response("**/w/auditor/health/"):
            hand.page.clock.run_for(11_000)
        hand.page.get_by_text(f"Refreshed {number}", exact=True).wait_for()
        said = ""
        for _ in range(20):
            # It is said after a moment of the page's clock.
            hand.page.clock.run_for(100)
            said = hand.page.locator("#say").text_content()
            if said:
                break
        assert said == ("Mail: Failed" if number == 2 else "")
