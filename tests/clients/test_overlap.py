"""Which secrets are in a rotation's overlap."""

from datetime import UTC, datetime, timedelta

from clients.models import ClientSecret
from clients.overlap import find_overlaps

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def secret(secret_id, *, made=30, lives=365, ends=None, **fields):
    """made: days ago. lives: days, or None for never expires. ends: in days, if that was moved."""
    created_at = NOW - made * DAY
    usual = None if lives is None else created_at + lives * DAY
    lifetime = None if lives is None else lives * 86400
    return ClientSecret(
        pk=1000 - made, secret_id=secret_id, created_at=created_at, lifetime=lifetime, expires_at=usual if ends is None else NOW + ends * DAY, **fields
    )


def test_after_a_rotation_the_old_secret_overlaps_since_the_new_one_was_made():
    assert find_overlaps([secret("new", made=1), secret("old", ends=1)], NOW) == {"old": NOW - DAY}


def test_of_a_chain_of_rotations_each_old_one_does():
    chain = [secret("first", made=3, ends=1), secret("second", made=2, ends=2), secret("third", made=1)]
    assert find_overlaps(chain, NOW) == {"first": NOW - 2 * DAY, "second": NOW - DAY}


def test_secrets_that_were_made_side_by_side_do_not():
    assert find_overlaps([secret("one"), secret("two", made=1)], NOW) == {}


def test_those_whose_ends_a_workspace_gave_them_all_at_once_do_not():
    assert find_overlaps([secret("one", lives=None, ends=90), secret("two", made=1, lives=None, ends=90)], NOW) == {}


def test_one_that_was_extended_beyond_its_first_end_still_does():
    assert find_overlaps([secret("old", made=360, ends=20), secret("new", made=1)], NOW) == {"old": NOW - DAY}


def test_one_beside_a_newer_one_without_end_does():
    assert find_overlaps([secret("old", ends=1), secret("new", made=1, lives=None)], NOW) == {"old": NOW - DAY}


def test_the_only_one_that_works_does_not():
    gone = [secret("ended", made=1, ends=-1), secret("revoked", made=1, revoked_at=NOW)]
    assert find_overlaps([secret("old", ends=1), *gone], NOW) == {}
