"""Services for secrets. What the commands show is in tests/commands."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from clients.models import AuditEvent, ClientSecret
from clients.services import rotation, secrets
from clients.services.audit import Actor
from tests.factories import TESTS, create_client, create_secret, create_workspace


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


@pytest.mark.parametrize("lifetime", [timedelta(), timedelta(seconds=-1)])
def test_secret_that_never_lives_is_refused(client_, now, lifetime):
    with pytest.raises(ValidationError) as error:
        secrets.create_secret(client=client_, lifetime=lifetime, actor=TESTS, now=now)
    assert error.value.code == "invalid_lifetime"


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
