"""KEY_ENCRYPTION_KEYS: encryption at rest and rotation of the list."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from clients.key_encryption import MissingKeyEncryptionKeyError, decrypt, encrypt, key_encryption_keys, newest_key

FIRST, SECOND = "first-key-" + "1" * 40, "second-key-" + "2" * 40


@pytest.fixture(autouse=True)
def _one_key(settings):
    settings.KEY_ENCRYPTION_KEYS = [FIRST]


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=500), st.text(st.characters(codec="utf-8"), max_size=50))
def test_what_is_encrypted_is_decrypted(plaintext, context):
    encrypted = encrypt(plaintext, context=context)
    assert decrypt(encrypted, context=context) == plaintext
    assert encrypted != encrypt(plaintext, context=context)


def test_ciphertext_names_the_id_of_its_key_and_not_the_key():
    encrypted = encrypt(b"private", context="kid")
    assert encrypted.startswith(f"{newest_key().id}:")
    assert FIRST not in encrypted
    assert b"private".hex() not in encrypted


def test_older_key_of_the_list_still_opens_and_the_first_encrypts(settings):
    old = encrypt(b"private", context="kid")
    settings.KEY_ENCRYPTION_KEYS = [SECOND, FIRST]
    assert decrypt(old, context="kid") == b"private"
    new = encrypt(b"private", context="kid")
    settings.KEY_ENCRYPTION_KEYS = [SECOND]
    assert decrypt(new, context="kid") == b"private"


def test_missing_key_is_named_by_its_id(settings):
    missing = newest_key().id
    encrypted = encrypt(b"private", context="kid")
    settings.KEY_ENCRYPTION_KEYS = [SECOND]
    with pytest.raises(MissingKeyEncryptionKeyError, match=rf"lacks the key with ID {missing}\. It contains, in this order: {newest_key().id}\.") as error:
        decrypt(encrypted, context="kid")
    assert FIRST not in str(error.value)
    assert SECOND not in str(error.value)


def test_ciphertext_of_another_row_is_refused():
    with pytest.raises(MissingKeyEncryptionKeyError, match="altered"):
        decrypt(encrypt(b"private", context="one"), context="another")


@pytest.mark.parametrize("position", [9, 40, -1])
def test_altered_ciphertext_is_refused(position):
    encrypted = list(encrypt(b"private", context="kid"))
    encrypted[position] = "0" if encrypted[position] != "0" else "1"
    with pytest.raises(MissingKeyEncryptionKeyError, match="altered"):
        decrypt("".join(encrypted), context="kid")


@pytest.mark.parametrize("damaged", ["", "nothing", "{id}:", "{id}:zz", "{id}:00", "{id}:0"])
def test_damaged_ciphertext_is_refused_like_an_altered_one(damaged):
    with pytest.raises(MissingKeyEncryptionKeyError):
        decrypt(damaged.format(id=newest_key().id), context="kid")


def test_keys_are_in_the_order_of_the_list(settings):
    first = newest_key().id
    settings.KEY_ENCRYPTION_KEYS = [SECOND, FIRST]
    ids = list(key_encryption_keys())
    assert ids[1] == first
    assert newest_key().id == ids[0]
