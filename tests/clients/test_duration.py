"""90d, 24h, 30m, 45s or 0."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from clients.duration import MAX_DURATION, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90d", timedelta(days=90)),
        ("24h", timedelta(hours=24)),
        ("30m", timedelta(minutes=30)),
        ("45s", timedelta(seconds=45)),
        ("0", timedelta()),
        ("0d", timedelta()),
        ("007m", timedelta(minutes=7)),
        ("36500d", MAX_DURATION),
    ],
)
def test_duration_is_read(text, duration):
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", " ", "90", "d", "-1d", "+1d", "1.5h", "1,5h", "1d12h", "1 d", " 1d", "1d ", "1d\n", "1D", "1w", "1y", "٣d", "1e3s", "0x1d", "1" * 11 + "s"]
)
def test_anything_else_is_refused_with_examples(text):
    with pytest.raises(ValidationError, match="90d, 24h, 30m, 45s or 0") as error:
        parse_duration(text)
    assert error.value.code == "invalid_duration"


@pytest.mark.parametrize("text", ["36501d", "9999999999d", "876001h", "9999999999s"])
def test_more_than_a_century_is_refused(text):
    with pytest.raises(ValidationError, match="The longest duration is 36500d"):
        parse_duration(text)


@given(st.integers(0, int(MAX_DURATION.total_seconds())))
def test_what_is_written_is_read_back(seconds):
    duration = timedelta(seconds=seconds)
    assert parse_duration(format_duration(duration)) == duration


@given(st.text(max_size=30))
def test_any_text_is_a_duration_or_a_validation_error(text):
    try:
        duration = parse_duration(text)
    except ValidationError:
        return
    assert timedelta() <= duration <= MAX_DURATION


@pytest.mark.parametrize(("seconds", "text"), [(0, "0"), (86400, "1d"), (90000, "25h"), (5400, "90m"), (61, "61s")])
def test_shortest_spelling_is_written(seconds, text):
    assert format_duration(timedelta(seconds=seconds)) == text
