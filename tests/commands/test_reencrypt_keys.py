"""manage.py reencrypt_keys."""

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings

from clients.key_encryption import decrypt, newest_key
from clients.models import AuditEvent
from dashboard.people.account_adapter import SecondFactorAdapter
from oauth.models import SigningKey
from tests import factories

NEW = "a-new-key-encryption-key-" + "2" * 40


@pytest.fixture
def old_keys():
    return list(settings.KEY_ENCRYPTION_KEYS)


def test_every_private_key_is_encrypted_under_the_first_key(command, settings, old_keys):
    keys = [factories.create_signing_key(), factories.create_signing_key("EdDSA")]
    plain = [decrypt(key.private_key, context=key.kid) for key in keys]
    settings.KEY_ENCRYPTION_KEYS = [NEW, *old_keys]
    assert command("reencrypt_keys", "--json").json == {"reencrypted": 2}
    settings.KEY_ENCRYPTION_KEYS = [NEW]
    assert [decrypt(key.private_key, context=key.kid) for key in SigningKey.objects.order_by("pk")] == plain
    event = AuditEvent.objects.first()
    assert (event.event, event.after) == ("signing_key.reencrypted", {"key_encryption_key": newest_key().id})


def test_nothing_is_left_to_do_the_second_time(command, settings, old_keys):
    factories.create_signing_key()
    settings.KEY_ENCRYPTION_KEYS = [NEW, *old_keys]
    command("reencrypt_keys")
    events = AuditEvent.objects.count()
    assert command("reencrypt_keys").stdout == "Reencrypted  0\n"
    assert AuditEvent.objects.count() == events


def test_missing_key_is_named_and_no_key_is_changed(refused, settings, old_keys):
    factories.create_signing_key()
    missing = newest_key().id
    settings.KEY_ENCRYPTION_KEYS = [NEW]
    assert f"lacks the key with ID {missing}. It contains, in this order: {newest_key().id}." in refused("reencrypt_keys")


def test_one_that_cant_be_opened_leaves_the_others_as_they_were(refused, settings, old_keys):
    lost = "a-lost-key-encryption-key-" + "3" * 40
    opened = factories.create_signing_key()
    settings.KEY_ENCRYPTION_KEYS = [lost]
    factories.create_signing_key()
    SigningKey.objects.update(retires_at=None)
    settings.KEY_ENCRYPTION_KEYS = [NEW, *old_keys]
    refused("reencrypt_keys")
    assert SigningKey.objects.get(pk=opened.pk).private_key == opened.private_key


@pytest.mark.parametrize("never_signs_again", ["retired", "revoked"])
def test_key_that_never_signs_again_may_stay_closed(command, settings, old_keys, never_signs_again):
    closed = factories.create_signing_key()
    settings.KEY_ENCRYPTION_KEYS = [NEW]
    if never_signs_again == "revoked":
        command("revoke_signing_key", closed.kid)
    else:
        command("rotate_signing_key", "--now")
    newest = "the-newest-key-encryption-key-" + "4" * 40
    settings.KEY_ENCRYPTION_KEYS = [newest, NEW]
    assert command("reencrypt_keys", "--json").json == {"reencrypted": 1}
    assert SigningKey.objects.get(pk=closed.pk).private_key == closed.private_key
    settings.KEY_ENCRYPTION_KEYS = [newest]
    signing = SigningKey.objects.exclude(pk=closed.pk).get()
    assert decrypt(signing.private_key, context=signing.kid)


def test_altered_ciphertext_is_refused(refused, settings, old_keys):
    key = factories.create_signing_key()
    key.private_key = key.private_key[:-2] + ("00" if key.private_key[-2:] != "00" else "11")
    key.save()
    settings.KEY_ENCRYPTION_KEYS = [NEW, *old_keys]
    assert "has been altered. Restore it from a backup." in refused("reencrypt_keys")


@pytest.fixture
def second_factors(db):
    return factories.turn_on_one_time_codes(factories.create_user("ada@example.com"))


def test_secrets_of_second_factors_are_encrypted_again_as_well(command, settings, old_keys, second_factors):
    settings.KEY_ENCRYPTION_KEYS = [NEW, *old_keys]
    assert command("reencrypt_keys", "--json").json == {"reencrypted": 1}
    settings.KEY_ENCRYPTION_KEYS = [NEW]
    assert SecondFactorAdapter().decrypt(Authenticator.objects.get(type="totp").data["secret"]) == factories.TOTP_SECRET
    assert AuditEvent.objects.first().event == "second_factors.reencrypted"
    assert command("reencrypt_keys", "--json").json == {"reencrypted": 0}


def test_one_of_them_that_cant_be_opened_leaves_signing_keys_as_they_were(refused, settings, old_keys, second_factors):
    settings.KEY_ENCRYPTION_KEYS = ["a-lost-key-encryption-key-" + "3" * 40]
    factories.turn_on_one_time_codes(factories.create_user("ben@example.com"))
    settings.KEY_ENCRYPTION_KEYS = old_keys
    key = factories.create_signing_key()
    settings.KEY_ENCRYPTION_KEYS = [NEW, *old_keys]
    refused("reencrypt_keys")
    assert SigningKey.objects.get().private_key == key.private_key
