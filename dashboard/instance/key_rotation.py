"""Re-encrypts all stored ciphertexts under a new first entry in KEY_ENCRYPTION_KEYS."""

from datetime import datetime

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.db import transaction

from clients.key_encryption import newest_key
from clients.services import audit
from clients.services.audit import Actor
from oauth import services as oauth_services


def reencrypt_keys(*, actor: Actor, now: datetime) -> int:
    """Re-encrypt private signing keys and secrets of one-time codes. All or none. Returns the number that was encrypted under another key.

    Raise MissingKeyEncryptionKeyError if the list lacks a key that is still needed.
    """
    with transaction.atomic():
        return oauth_services.reencrypt_keys(actor=actor, now=now) + _reencrypt_second_factors(actor=actor, now=now)


def _reencrypt_second_factors(*, actor: Actor, now: datetime) -> int:
    newest, adapter, count = newest_key().id, get_adapter(), 0
    for factor in Authenticator.objects.select_for_update().filter(type=Authenticator.Type.TOTP).order_by("pk").iterator():
        if factor.data["secret"].partition(":")[0] != newest:
            factor.data["secret"] = adapter.encrypt(adapter.decrypt(factor.data["secret"]))
            factor.save(update_fields=["data"])
            count += 1
    if count:
        after = {"key_encryption_key": newest, "count": count}
        audit.record("second_factors.reencrypted", workspace=None, actor=actor, target_type="instance", target_id="second factors", now=now, after=after)
    return count
