"""A passkey that says it is backed up but may not be is refused: Web Authentication Level 3 §7.1 step 18 and §7.2 step 19."""

from fido2.webauthn import AuthenticatorData

from tests.dashboard.accounts.security_key import SecurityKey
from tests.dashboard.accounts.test_passkey_origin import register, sign_in_by
from tests.dashboard.conftest import Browser, text_of

MAY_BE_BACKED_UP, IS_BACKED_UP = AuthenticatorData.FLAG.BE, AuthenticatorData.FLAG.BS


def test_a_passkey_that_is_backed_up_and_may_be_signs_in_and_one_that_may_not_does_not(here, ada):
    key = SecurityKey()
    key.flags = MAY_BE_BACKED_UP | IS_BACKED_UP
    assert "Passkey Laptop added." in text_of(register(here, key))
    assert sign_in_by(Browser(), key, ada).status_code == 302
    key.flags = IS_BACKED_UP
    assert "You are not signed in." in text_of(sign_in_by(Browser(), key, ada))


def test_nor_is_one_added(here):
    key = SecurityKey()
    key.flags = IS_BACKED_UP
    assert "its response is malformed" in text_of(register(here, key))
