"""Services of secrets. What the commands show already is in tests/commands."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from clients.models import AuditEvent, ClientSecret
from clients.services import credential_limits, rotation, secrets
from clients.services.audit import Actor
from clients.services.credential_limits import MAX_AN_HOUR, MAX_USABLE
from tests.factories import TESTS, create_client, create_secret, create_workspace


@pytest.fixture
def client_(db):
    return create_client(create_workspace("demo")).secret.client


def test_no_event_shows_a_secret_its_hash_or_its_digest(client_, now):
    made = [create_secret(client_), rotation.rotate_secret(client=client_, actor=TESTS, now=now)]
    secrets.revoke_secret(client=client_, secret_id=made[0].secret.secret_id, actor=TESTS, now=now)
    written = str(list(AuditEvent.objects.values()))
    for new in made:
        assert new.secret.secret_id in written
        for hidden in (new.plaintext, new.plaintext[-39:], new.secret.hash, new.secret.digest):
            assert hidden not in written


def test_change_without_its_event_is_undone(transactional_db, now):
    client = create_client(create_workspace("demo")).secret.client
    before = list(ClientSecret.objects.values())
    broken = Actor(TESTS.name, request_id=None)
    for change in (
        lambda: secrets.create_secret(client=client, actor=broken, now=now),
        lambda: rotation.rotate_secret(client=client, actor=broken, now=now),
        lambda: secrets.revoke_secret(client=client, secret_id=before[0]["secret_id"], actor=broken, now=now),
    ):
        with pytest.raises(Exception, match="NOT NULL"):
            change()
    assert list(ClientSecret.objects.values()) == before


def test_negative_overlap_is_refused(client_, now):
    with pytest.raises(ValidationError, match="The overlap is negative") as error:
        rotation.rotate_secret(client=client_, overlap=timedelta(seconds=-1), actor=TESTS, now=now)
    assert error.value.code == "invalid_overlap"
    assert ClientSecret.objects.count() == 1


@pytest.mark.parametrize("lifetime", [timedelta(), timedelta(seconds=-1)])
def test_secret_that_never_lives_is_refused(client_, now, lifetime):
    with pytest.raises(ValidationError) as error:
        secrets.create_secret(client=client_, lifetime=lifetime, actor=TESTS, now=now)
    assert error.value.code == "invalid_lifetime"


def test_clock_of_another_node_that_is_ahead_doesnt_break_a_rotation(client_, now):
    ahead = create_secret(client_, now=now + timedelta(seconds=5)).secret
    rotation.rotate_secret(client=client_, overlap=timedelta(), actor=TESTS, now=now)
    ahead.refresh_from_db()
    assert ahead.expires_at == ahead.created_at


def test_rotation_with_overlap_0_makes_room_under_the_limit(client_, now):
    for _ in range(MAX_USABLE - 1):
        create_secret(client_, now=now)
    with pytest.raises(ValidationError, match="Revoke one"):
        rotation.rotate_secret(client=client_, actor=TESTS, now=now)
    assert ClientSecret.objects.filter(expires_at__isnull=False).count() == 0
    rotation.rotate_secret(client=client_, overlap=timedelta(), actor=TESTS, now=now)
    assert ClientSecret.objects.usable(now).count() == 1


def test_secret_is_usable_from_its_creation_until_its_end(client_, now):
    secret = create_secret(client_, now=now, lifetime=timedelta(hours=1)).secret
    end = now + timedelta(hours=1)
    for moment, usable in ((now, True), (end - timedelta(microseconds=1), True), (end, False)):
        assert secret.is_usable(moment) is usable
        assert secret.state(moment) == ("usable" if usable else "expired")
        assert ClientSecret.objects.usable(moment).filter(pk=secret.pk).exists() is usable


def test_revoked_secret_is_not_usable(client_, now):
    secret = secrets.revoke_secret(client=client_, secret_id=client_.secrets.get().secret_id, actor=TESTS, now=now)
    assert not secret.is_usable(now)
    assert secret.state(now) == "revoked"
    assert not ClientSecret.objects.usable(now).exists()


class TestWhatSomebodyMakesInAnHour:
    def rotate(self, client, now, actor=TESTS):
        return rotation.rotate_secret(client=client, overlap=timedelta(), actor=actor, now=now)

    def test_is_bounded_though_each_ends_at_once(self, client_, now):
        for _ in range(MAX_AN_HOUR - 1):
            self.rotate(client_, now)
        with pytest.raises(ValidationError, match=f"You made {MAX_AN_HOUR} secrets of this client within an hour, which is the most") as error:
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
