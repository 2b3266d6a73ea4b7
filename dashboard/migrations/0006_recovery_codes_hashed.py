"""Recovery codes used to be kept as an encrypted seed, from which each could be computed. From now on, an account holds a hash of each unused one."""

from types import SimpleNamespace
from typing import Any

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.db import migrations

from clients.key_encryption import MissingKeyEncryptionKeyError
from clients.secret import hash_secret


def hash_codes(apps: Any, _schema_editor: Any) -> None:
    changed = []
    for factor in apps.get_model("mfa", "Authenticator").objects.filter(type="recovery_codes").iterator():
        if "seed" not in factor.data:
            continue
        try:
            codes = RecoveryCodes(SimpleNamespace(data=factor.data)).get_unused_codes()
        except MissingKeyEncryptionKeyError:
            # They couldn't be used any more: their key is gone.
            codes = []
        kept = {name: value for name, value in factor.data.items() if name not in ("seed", "used_mask")}
        factor.data = {**kept, "hashes": [hash_secret(code) for code in codes], "are_old": True}
        changed.append(factor)
    # All hashes are made before the first row is written: each takes 20 ms, and SQLite has one lock for all writers.
    for factor in changed:
        factor.save(update_fields=["data"])


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0005_expiry_notice"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    operations = [
        migrations.RunPython(hash_codes, migrations.RunPython.noop),
    ]
