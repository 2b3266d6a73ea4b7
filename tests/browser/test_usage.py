"""Who used what, in a real browser: a period is chosen, the chart read as a table, a refusal followed to its requests, and a file taken away."""

import csv

import pytest

from tests.browser.hands import BOTH, MAINLY_SCRIPTLESS


@pytest.fixture(scope="module")
def server(kestrel):
    return kestrel


@pytest.fixture
def tom(enter, cast):
    """Signed in, in one of the ways, and looking at the usage of all clients."""

    def tom(way):
        hand = enter(way, "tom")
        hand.page.goto("/w/kestrel/usage/")
        return hand

    return tom


@pytest.mark.parametrize("way", BOTH)
def test_the_chart_of_a_period_is_read_as_a_table(tom, way):
    hand = tom(way)
    hand.press("30 d")
    hand.page.wait_for_url("**period=30d**")
    assert hand.page.get_by_role("img").first.get_attribute("aria-label")
    hand.press("Show as table")
    table = hand.page.get_by_role("table", name="over time")
    table.wait_for()
    assert table.get_by_role("row").count() == 31
    granted = sum(int(text.replace(",", "")) for text in table.locator("td[data-l=Granted]").all_inner_texts())
    assert f"Granted {granted:,}" in hand.page.locator(".legend").inner_text().replace("\n", " ")


@pytest.mark.parametrize("way", BOTH)
def test_a_refusal_leads_to_the_requests_that_were_refused_for_it(tom, way):
    hand = tom(way)
    hand.choose("Client", "billing-sync")
    hand.press("Show")
    hand.page.get_by_role("heading", level=1, name="Usage of billing-sync").wait_for()
    assert "scope_not_allowed" in hand.page.get_by_role("region", name="Why refused").inner_text()
    hand.press("Show them")
    hand.page.wait_for_url("**/requests/?result=scope_not_allowed**")
    hand.page.get_by_text("invalid_scope").first.wait_for()


@pytest.mark.parametrize("way", MAINLY_SCRIPTLESS)
def test_the_numbers_of_every_client_are_taken_away(tom, way):
    hand = tom(way)
    with hand.page.expect_download() as download:
        hand.press("All as CSV")
    [header, *rows] = csv.reader(download.value.path().read_text().splitlines())
    assert download.value.suggested_filename.startswith("usage-kestrel-")
    assert "billing-sync" in {cell for row in rows for cell in row}
    assert all(len(row) == len(header) for row in rows)
