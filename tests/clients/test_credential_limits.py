"""How many credentials a client may have, and how many somebody may make within an hour."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from clients.services import credential_limits, rotation
from clients.services.audit import Actor
from tests.factories import TESTS, create_client


class TestWhatSomebodyMakesInAnHour:
    def rotate(self, client, now, actor=TESTS):
        return rotation.rotate_secret(client=client, overlap=timedelta(), actor=actor, now=now)

    def test_is_bounded_though_each_ends_at_once(self, client_, now, monkeypatch):
        monkeypatch.setattr(credential_limits, "MAX_AN_HOUR", 3)
        for _ in range(2):
            self.rotate(client_, now)
        with pytest.raises(ValidationError, match="You've reached the limit of 3 secrets per hour for this client") as error:
            self.rotate(client_, now)
        assert error.value.code == "too_many_secrets"
        self.rotate(client_, now + timedelta(hours=1, seconds=1))

    def test_leaves_to_others_what_they_may_make(self, client_, now, monkeypatch):
        monkeypatch.setattr(credential_limits, "MAX_AN_HOUR", 2)
        for _ in range(2):
            self.rotate(client_, now, Actor("user:7 dana@example.com"))
        assert self.rotate(client_, now).secret.is_usable(now)

    def test_is_counted_by_client(self, client_, now, monkeypatch):
        monkeypatch.setattr(credential_limits, "MAX_AN_HOUR", 2)
        self.rotate(client_, now)
        assert create_client(client_.workspace, name="other").secret.is_usable(now)
