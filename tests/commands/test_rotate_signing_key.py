"""manage.py rotate_signing_key [--algorithm A] [--now]."""

from datetime import timedelta

import pytest

from clients.models import AuditEvent
from oauth.models import SigningKey
from oauth.services import ANNOUNCEMENT
from tests import factories
from tests.public_keys import thumbprint


def test_first_key_signs_at_once(command):
    result = command("rotate_signing_key", "--json").json
    key = SigningKey.objects.get()
    assert result == {
        "kid": thumbprint(key.public_jwk),
        "algorithm": "ES256",
        "state": "active",
        "activates_at": key.activates_at.isoformat(),
        "previous": [],
    }


def test_next_key_is_announced_first_while_the_old_one_signs(command):
    old = factories.create_signing_key()
    result = command("rotate_signing_key", "--json").json
    new = SigningKey.objects.get(kid=result["kid"])
    assert result["state"] == "pending"
    assert new.activates_at - new.created_at == ANNOUNCEMENT
    assert result["previous"] == [{"kid": old.kid, "algorithm": "ES256", "state": "active", "retires_at": new.activates_at.isoformat()}]
    assert set(SigningKey.objects.published(new.created_at)) == {old, new}
    assert SigningKey.objects.usable_for_signing(new.created_at).first() == old
    assert SigningKey.objects.usable_for_signing(new.activates_at).first() == new


def test_now_signs_with_the_new_one_at_once_and_the_old_one_stays_published(command):
    old = factories.create_signing_key()
    result = command("rotate_signing_key", "--now", "--json").json
    new = SigningKey.objects.get(kid=result["kid"])
    assert (result["state"], result["previous"][0]["state"]) == ("active", "retired")
    assert SigningKey.objects.usable_for_signing(new.created_at).first() == new
    assert old in SigningKey.objects.published(new.created_at + timedelta(hours=24))
    assert old not in SigningKey.objects.published(new.created_at + timedelta(hours=24, minutes=2))


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_without_algorithm_the_current_one_stays(command, algorithm):
    assert command("rotate_signing_key", "--algorithm", algorithm, "--json").json["algorithm"] == algorithm
    assert command("rotate_signing_key", "--json").json["algorithm"] == algorithm


def test_event_names_the_keys_and_holds_no_private_one(command):
    old = factories.create_signing_key()
    new = SigningKey.objects.get(kid=command("rotate_signing_key", "--json").json["kid"])
    event = AuditEvent.objects.first()
    assert (event.event, event.target_id, event.workspace) == ("signing_key.rotated", new.kid, None)
    assert old.kid in event.before["retires_at"]
    assert new.private_key not in str(event.after)


def test_table_lists_the_previous_key(command):
    old = factories.create_signing_key()
    assert f"\nPrevious\n  Key ID{' ' * 37}  Algorithm  State   Retires at\n  {old.kid}  ES256" in command("rotate_signing_key").stdout


@pytest.mark.parametrize("algorithm", ["HS256", "none", "es256", "", "x" * 5000])
def test_unknown_algorithm_is_refused(refused, algorithm):
    factories.create_signing_key()
    assert "Choose from ES256, RS256, EdDSA." in refused("rotate_signing_key", "--algorithm", algorithm)
