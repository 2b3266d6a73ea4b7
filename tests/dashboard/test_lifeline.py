"""The picture of when credentials are valid: from rows and the time to percentages and sentences."""

from datetime import UTC, datetime, timedelta

import pytest

from clients.models import ClientCertificate, ClientPublicKey, ClientSecret
from dashboard.client import lifeline
from dashboard.frame.moment import find_zone

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
YEAR = timedelta(days=365)
_numbers = iter(range(1, 1000))


def secret(secret_id, *, made, ends=None, lifetime=YEAR, **fields):
    return ClientSecret(pk=next(_numbers), secret_id=secret_id, created_at=made, expires_at=ends, lifetime=lifetime and int(lifetime.total_seconds()), **fields)


def rotated():
    made = datetime(2026, 11, 23, 17, 10, tzinfo=UTC)
    old = secret("Kp4zR1uW", made=datetime(2025, 12, 2, 9, 12, tzinfo=UTC), ends=made + timedelta(days=1))
    return [old, secret("7hQ2mB9x", made=made, ends=made + YEAR)]


def draw(credentials, zone=UTC):
    spans = lifeline.spans_of(credentials, now=NOW, zone=zone)
    return lifeline.draw(spans, lifeline.axis_around(spans, now=NOW, zone=zone), now=NOW, zone=zone)


def bars(row):
    return [(bar.shade, bar.x, bar.width) for bar in row.bars]


def test_a_rotation_shows_the_old_secret_hatched_from_the_new_ones_beginning_until_its_end():
    drawn = draw(rotated())
    old, new = drawn.rows
    assert drawn.now_x == "56.29%"
    assert (old.label, old.note) == ("Kp4zR1uW", "Old, in its overlap")
    assert bars(old) == [("old", "0.00%", "46.44%"), ("over", "46.44%", "12.50%")]
    assert (old.text.said, old.text.more, old.text.x) == ("ends 17:10", ", in 5 h 5 min", "60.14%")
    assert (new.label, new.note) == ("7hQ2mB9x", "New, made yesterday 17:10")
    assert bars(new) == [("cur", "46.44%", "9.85%"), ("todo", "56.29%", "43.71%")]
    assert new.text.said == "until 23 Nov 2027"
    assert drawn.sentence == (
        "Secret Kp4zR1uW is old and valid until today 17:10, in 5 h 5 min. "
        "Secret 7hQ2mB9x is valid from yesterday 17:10 until 23 Nov 2027 17:10, in 364 days. Both work now."
    )


def test_of_an_end_no_more_is_said_than_keeps_off_now_and_the_hatching():
    made = datetime(2026, 11, 24, 12, 1, tzinfo=UTC)
    tomorrow = secret("Kp4zR1uW", made=datetime(2025, 12, 2, 9, 12, tzinfo=UTC), ends=made + timedelta(days=1))
    text = draw([tomorrow, secret("7hQ2mB9x", made=made, ends=made + YEAR)]).rows[0].text
    assert (text.said, text.more, text.is_before) == ("ends tomorrow 12:01", "", False)


def test_the_axis_runs_from_4_days_before_to_4_days_after_with_days_that_keep_away_from_now():
    assert [(tick.said, tick.x) for tick in draw(rotated()).ticks] == [("20 Nov", "0.00%"), ("22 Nov", "25.00%"), ("26 Nov", "75.00%")]


def test_an_overlap_that_is_longer_makes_the_axis_wider():
    old, new = rotated()
    old.expires_at = NOW + timedelta(days=20)
    row = draw([old, new]).rows[0]
    assert bars(row)[-1][0] == "over"
    assert row.text.is_before
    assert row.text.said == "ends 14 Dec 12:05"
    assert float(bars(row)[-1][1][:-1]) + float(bars(row)[-1][2][:-1]) < 100


def test_two_secrets_that_were_meant_to_work_side_by_side_are_no_rotation():
    first, second = (secret(name, made=NOW - timedelta(days=days), ends=NOW - timedelta(days=days) + YEAR) for name, days in (("A", 9), ("B", 2)))
    drawn = draw([first, second])
    assert [row.label for row in drawn.rows] == ["B", "A"]
    assert all("over" not in [bar.shade for bar in row.bars] for row in drawn.rows)


def test_what_has_ended_is_said_so():
    gone = secret("Gone", made=NOW - timedelta(days=9), ends=NOW - timedelta(days=2))
    revoked = secret("Leaked", made=NOW - timedelta(days=1), revoked_at=NOW - timedelta(hours=1))
    one, two = draw([gone, revoked]).rows
    assert [bar.shade for row in (one, two) for bar in row.bars] == ["dead", "dead"]
    assert one.text.said == "revoked 11:05"
    assert two.text.said == "ended 22 Nov 12:05"
    assert draw([gone, revoked]).sentence == "Secret Leaked was revoked today 11:05. Secret Gone ended 22 Nov 12:05. None of 2 work now."


def test_what_ended_long_before_the_axis_has_no_bar_but_its_words():
    [row] = draw([secret("Gone", made=NOW - timedelta(days=90), ends=NOW - timedelta(days=60))]).rows
    assert row.bars == []
    assert row.text.said == "ended 25 Sep 12:05"
    assert draw([]).rows == []


def test_a_secret_without_an_end():
    drawn = draw([secret("Kp4zR1uW", made=NOW - timedelta(hours=1), lifetime=None)])
    assert drawn.rows[0].text.said == "no expiry"
    assert drawn.sentence == "Secret Kp4zR1uW is valid from today 11:05 and never expires. It works now."


def test_keys_and_certificates_have_rows_of_their_own():
    key = ClientPublicKey(pk=1, kid="laptop", name="Laptop", created_at=NOW - timedelta(days=1))
    certificate = ClientCertificate(pk=1, thumbprint="x" * 43, created_at=NOW, valid_from=NOW + timedelta(days=1), expires_at=NOW + timedelta(days=90))
    drawn = draw([certificate, key])
    assert [(row.label, row.note) for row in drawn.rows] == [("x" * 43, "Certificate, made today 12:05"), ("laptop", "Laptop, made yesterday 12:05")]
    assert [bar.shade for bar in drawn.rows[0].bars] == ["todo"]
    assert drawn.sentence.endswith("1 of 2 works now.")


def test_a_secret_whose_id_is_also_a_kid_is_not_taken_for_the_key():
    old, new = rotated()
    key = ClientPublicKey(pk=old.pk, kid="Kp4zR1uW", created_at=NOW - timedelta(days=1))
    assert [row.note for row in draw([key, old, new]).rows] == ["Old, in its overlap", "New, made yesterday 17:10", "Key, made yesterday 12:05"]


def test_days_are_those_of_the_readers_zone():
    assert draw(rotated(), zone=find_zone("Europe/Madrid")).rows[0].text.said == "ends 18:10"


@pytest.mark.parametrize(("overlap", "ticks"), [(timedelta(hours=24), [("Tomorrow 12:05", "72.00%")]), (timedelta(), [])])
def test_the_picture_of_a_choice_has_now_at_its_left_and_the_end_of_the_overlap_at_its_right(overlap, ticks):
    axis = lifeline.axis_until(NOW + overlap, now=NOW, zone=UTC)
    drawn = lifeline.draw([], axis, now=NOW, zone=UTC)
    assert drawn.now_x == "8.00%"
    assert [(tick.said, tick.x) for tick in drawn.ticks] == ticks
