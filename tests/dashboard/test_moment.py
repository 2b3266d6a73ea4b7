"""Times as pages say them (design, section 3)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.template import engines
from django.test import RequestFactory

from dashboard.frame import moment

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(milliseconds=400), "now"),
        (timedelta(seconds=12), "12 s ago"),
        (timedelta(seconds=119), "1 min ago"),
        (timedelta(hours=6, minutes=59), "6 h ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(hours=24), "23 Nov"),
        (timedelta(days=400), "20 Oct 2025"),
        (-timedelta(minutes=5), "in 5 min"),
        (-timedelta(hours=5, minutes=5), "in 5 h"),
        (-timedelta(hours=24), "25 Nov"),
        (-timedelta(days=82), "14 Feb 2027"),
    ],
)
def test_within_a_day_a_time_is_relative_and_otherwise_a_date(ago, said):
    assert moment.say(NOW - ago, now=NOW, zone=UTC) == said


def test_an_expiry_keeps_its_year():
    assert moment.say(NOW + timedelta(days=14), now=NOW, zone=UTC, with_year=True) == "8 Dec 2026"
    assert moment.say(NOW + timedelta(days=14), now=NOW, zone=UTC) == "8 Dec"


def test_a_date_is_that_of_the_readers_zone():
    late = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert moment.say(late, now=NOW, zone=UTC) == "31 Dec"
    assert moment.say(late, now=NOW, zone=moment.find_zone("Europe/Berlin")) == "1 Jan 2027"


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "UTC", "Europe/Berlin\0", "🕛", "x" * 100_000, "posixrules", "Europe"]
)
def test_an_unknown_zone_is_ignored(name):
    assert moment.find_zone(name) is None


def render(text, *, cookies=None, **context):
    request = RequestFactory().get("/")
    request.COOKIES.update(cookies or {})
    template = engines["django"].from_string("{% load components %}" + text)
    return template.render({"request": request, **context})


def test_the_exact_time_is_in_utc_whatever_the_zone(db):
    text = render("{% moment at 'clock' %}", at=NOW, cookies={"__Host-zone": "Europe/Berlin"})
    assert text == '<time datetime="2026-11-24T12:05:00Z" title="2026-11-24 12:05:00 UTC">13:05:00</time>'
    assert ">24 Nov 2020 11:05<" in render("{% moment at 'exact' %}", at=NOW.replace(year=2020, hour=11))


def test_what_never_was_is_said_in_words(db):
    assert render("{% moment at %}", at=None) == "never"
    assert render("{% moment at empty='no end' %}", at=None) == "no end"
