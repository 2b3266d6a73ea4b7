"""What a chart shows, and the sentence that says the same for people who can't see it."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template

from clients.usage_report import Slot
from dashboard.usage import charts

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def slots(*counts, length=HOUR, begin=NOON):
    return [Slot(begin + number * length, length, *count) for number, count in enumerate(counts)]


def render(tag, rf, cookies=(), **context):
    request = rf.get("/")
    request.COOKIES = dict(cookies)
    return Template("{% load charts %}" + tag).render(Context({"request": request, **context}))


class TestSentence:
    def test_the_chart_has_totals_and_when_most_was_refused(self):
        series = slots((10,), (900,), (5, 40), (3, 50), (2, 1, 2), *[(1,)] * 19)
        assert charts.draw(series).sentence == (
            "Token requests per hour over the last 24 hours. 939 granted, 91 refused, mostly between 14:00 and 17:00, 2 failed on the server."
        )

    def test_refusals_that_are_spread_have_no_hour(self):
        assert "refused, 0 failed" in charts.draw(slots(*[(5, 1)] * 24)).sentence

    def test_days_and_six_hours_are_named_as_such(self):
        days = charts.draw(slots(*[(5,)] * 12, (5, 9), *[(5,)] * 17, length=24 * HOUR, begin=NOON.replace(hour=0)))
        assert days.sentence.startswith("Token requests per day over the last 30 days.")
        assert "mostly on 6 Dec" in days.sentence
        two = charts.draw(slots(*[(5,)] * 12, (5, 9), (5, 9), *[(5,)] * 16, length=24 * HOUR, begin=NOON.replace(hour=0)))
        assert "mostly from 6 Dec to 7 Dec" in two.sentence
        six = charts.draw(slots(*[(5,)] * 27, (5, 9), length=6 * HOUR))
        assert "per 6 hours over the last 7 days" in six.sentence
        assert "mostly between 1 Dec 06:00 and 1 Dec 12:00" in six.sentence

    def test_an_empty_chart_says_so(self):
        assert charts.draw(slots((), ())).sentence == "Token requests: none in this period."
        assert charts.draw([]).sentence == "Token requests: none in this period."


class TestBars:
    def test_parts_are_stacked_and_the_highest_bar_reaches_the_top(self):
        chart = charts.draw(slots((80, 20), (10, 0, 1)))
        granted, refused = chart.bars[0].parts
        assert (granted.kind, refused.kind) == ("granted", "refused")
        assert float(granted.y) + float(granted.height) == 149
        assert float(refused.y) + float(refused.height) == float(granted.y) - 1
        assert float(refused.y) == pytest.approx(11, abs=1)

    def test_small_values_stay_visible_and_zero_has_no_part(self):
        chart = charts.draw(slots((100_000, 0, 1), ()))
        assert [part.kind for part in chart.bars[0].parts] == ["granted", "errored"]
        assert float(chart.bars[0].parts[1].height) == 2
        assert chart.bars[1].parts == []

    @pytest.mark.parametrize(
        ("top", "words"),
        [
            (1, ["1"]),
            (3, ["1", "2", "3"]),
            (9, ["2", "4", "6", "8"]),
            (1126, ["500", "1,000"]),
            (25832, ["10k", "20k"]),
            (90_000_000, ["20M", "40M", "60M", "80M"]),
        ],
    )
    def test_the_lines_are_at_round_numbers(self, top, words):
        assert [line.text for line in charts.draw(slots((top,))).grid] == words

    def test_times_are_marked_by_hour_noon_or_day(self):
        assert [mark.text for mark in charts.draw(slots(*[(1,)] * 24)).times] == ["12:00", "18:00", "00:00", "06:00"]
        week = charts.draw(slots(*[(1,)] * 8, length=6 * HOUR)).times
        assert [(mark.text, mark.short) for mark in week] == [("Tue 24", "24"), ("Wed 25", "25")]
        month = charts.draw(slots(*[(1,)] * 30, length=24 * HOUR, begin=NOON.replace(hour=0))).times
        assert [mark.text for mark in month] == ["28 Nov", "3 Dec", "8 Dec", "13 Dec", "18 Dec", "23 Dec"]

    def test_a_spark_marks_hours_without_use_by_a_line(self):
        assert {kind: path.count("M") for kind, path in charts.spark([0, 5, 1]).items()} == {"granted": 2, "none": 1}
        assert charts.spark([]) == {"granted": "", "none": ""}


class TestTags:
    def test_the_chart_is_an_image_with_a_title_for_each_bar_and_the_same_in_a_table(self, rf):
        page = render("{% usage_chart series 'tallc' %}", rf, series=slots((1200, 3), (), (7, 0, 1)))
        root = ElementTree.fromstring(f"<div>{page}</div>")
        image = root.find("svg")
        assert image.get("role") == "img"
        assert image.get("aria-label").startswith("Token requests per hour")
        assert [title.text for title in image.iter("title")] == [
            "24 Nov 12:00 to 13:00: 1,200 granted, 3 refused, 0 failed",
            "24 Nov 14:00 to 15:00: 7 granted, 0 refused, 1 failed",
        ]
        cells = [["".join(cell.itertext()).strip() for cell in row] for row in root.iter("tr")]
        assert cells[0] == ["When, UTC", "Granted", "Refused", "Server errors"]
        assert cells[1:] == [["24 Nov 12:00 to 13:00", "1,200", "3", "0"], ["24 Nov 13:00 to 14:00", "0", "0", "0"], ["24 Nov 14:00 to 15:00", "7", "0", "1"]]

    def test_hours_are_those_of_the_reader_and_days_those_of_utc(self, rf):
        assert ZoneInfo("Asia/Kolkata")
        page = render("{% usage_chart series %}", rf, {"__Host-zone": "Asia/Kolkata"}.items(), series=slots((1,)))
        assert "24 Nov 17:30 to 18:30" in page
        assert "When, Asia/Kolkata" in page
        page = render("{% usage_chart series %}", rf, {"__Host-zone": "Asia/Kolkata"}.items(), series=slots((1,), length=24 * HOUR, begin=NOON.replace(hour=0)))
        assert "Tue 24 Nov" in page
        assert "When, UTC" in page

    def test_no_request_is_a_sentence_instead(self, rf):
        assert render("{% usage_chart series %}", rf, series=slots((), ())).strip() == '<p class="muted">No requests in this period.</p>'
        assert "No requests yet." in render("{% usage_chart series empty='No requests yet.' %}", rf, series=[])

    def test_a_share_is_shown_as_a_bar_and_a_number(self, rf):
        assert 'width="25.0%"' in render("{% hbar 1 4 %}", rf)
        assert 'width="0%"' in render("{% hbar 0 0 %}", rf)

    def test_a_spark_says_nothing_by_itself(self, rf):
        page = render("{% spark series %}", rf, series=[1, 0])
        assert 'aria-hidden="true"' in page
        assert page.count("<path") == 2
