"""Rotation of a secret: its overlap, and what it does to the old secrets."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from clients.models import ClientSecret
from clients.services import credential_limits, rotation
from tests.factories import TESTS, create_secret


def test_negative_overlap_is_refused(client_, now):
    with pytest.raises(ValidationError, match="The overlap is negative") as error:
        rotation.rotate_secret(client=client_, overlap=timedelta(seconds=-1), actor=TESTS, now=now)
    assert error.value.code == "invalid_overlap"
    assert ClientSecret.objects.count() == 1


def test_clock_of_another_node_that_is_ahead_doesnt_break_a_rotation(client_, now):
    ahead = create_secret(client_, now=now + timedelta(seconds=5)).secret
    rotation.rotate_secret(client=client_, overlap=timedelta(), actor=TESTS, now=now)
    ahead.refresh_from_db()
    assert ahead.expires_at == ahead.created_at


def test_rotation_with_overlap_0_makes_room_under_the_limit(client_, now, monkeypatch):
    monkeypatch.setattr(credential_limits, "MAX_USABLE", 2)
    create_secret(client_, now=now)
    with pytest.raises(ValidationError, match="Revoke one"):
        rotation.rotate_secret(client=client_, actor=TESTS, now=now)
    assert ClientSecret.objects.filter(expires_at__isnull=False).count() == 0
    rotation.rotate_secret(client=client_, overlap=timedelta(), actor=TESTS, now=now)
    assert ClientSecret.objects.usable(now).count() == 1
