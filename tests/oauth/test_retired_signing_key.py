"""A signing key that has left the JWKS is useless: neither an old backup nor a stolen old key can forge tokens."""

from datetime import timedelta

import jwt
import pytest

from clients.key_encryption import decrypt
from clients.models import AuditEvent
from clients.models.client import MAX_TOKEN_LIFETIME
from oauth import access_token, jose, services
from oauth.models import PUBLISHED_AFTER_RETIREMENT, RevokedToken, SigningKey
from oauth.resource_errors import InvalidTokenError
from oauth.services import REVOCATIONS_KEPT, prune, revoke_signing_key, rotate_signing_key
from tests import factories
from tests.oauth.conftest import reason_of
from tests.oauth.doors import bearer

ACTOR = {"actor": factories.TESTS}
SECOND = timedelta(seconds=1)


@pytest.fixture
def retire(signing_key, now):
    """Retire the first key that long ago; another one has signed since then."""
    rotate_signing_key(now=now, immediately=True, **ACTOR)

    def retire(ago):
        SigningKey.objects.filter(pk=signing_key.pk).update(created_at=now - ago - SECOND, activates_at=now - ago - SECOND, retires_at=now - ago)

    return retire


@pytest.fixture
def forge(send, billing, signing_key):
    """A token that somebody with an old backup and its .env can sign: an issued token's claims, with some replaced."""
    key = jose.load_private_key(decrypt(signing_key.private_key, context=signing_key.kid))
    claims = jwt.decode(send.token(billing.basic).json()["access_token"], options={"verify_signature": False})

    def forge(**other):
        return jose.sign({**claims, "jti": "forged", **other}, key=key, algorithm=signing_key.algorithm, kid=signing_key.kid, typ="at+jwt")

    return forge


def refused(send, program, token):
    """The reason; every endpoint must refuse it."""
    whoami, gateway = (send.get(path, bearer(token)) for path in ("/api/v1/whoami", "/gateway/demo/verify"))
    assert whoami.error == gateway.error == (401, "invalid_token")
    assert send.post("/oauth2/introspect", {"token": token}, program.basic).json() == {"active": False}
    reasons = {reason_of(whoami.request_id), reason_of(gateway.request_id)}
    assert len(reasons) == 1
    return reasons.pop()


def test_a_key_that_has_left_the_jwks_signs_for_nobody(send, billing, signing_key, forge, retire, now):
    retire(PUBLISHED_AFTER_RETIREMENT)
    assert signing_key.kid not in str(send.get("/.well-known/jwks.json").json())
    assert refused(send, billing, forge(scope="read write admin")) == "signing_key_retired"
    issued_at = int((now - timedelta(days=300)).timestamp())
    assert refused(send, billing, forge(iat=issued_at)) == "signing_key_retired"


def test_a_token_keeps_working_for_as_long_as_its_key_is_published(send, forge, retire):
    token = forge()
    retire(PUBLISHED_AFTER_RETIREMENT - timedelta(seconds=30))
    assert send.get("/api/v1/whoami", bearer(token)).status == 200


def test_no_token_outlives_the_longest_that_a_client_may_have(send, billing, forge, now):
    """Whichever key signed it, even the one that signs now."""
    issued_at, longest = int(now.timestamp()), int(MAX_TOKEN_LIFETIME.total_seconds())
    assert send.get("/api/v1/whoami", bearer(forge(iat=issued_at, exp=issued_at + longest))).status == 200
    assert refused(send, billing, forge(iat=issued_at, exp=issued_at + longest + 1)) == "token_lifetime"


@pytest.mark.parametrize("hours", [-30, -3, 3])
def test_a_node_whose_clock_is_wrong_goes_on_taking_what_it_gave_out(billing, signing_key, forge, retire, now, hours):
    """By its clock the key still signs, and only that clock tells it when the key retires."""
    retire(timedelta())
    wrong = now + timedelta(hours=hours)
    issued_at = int(min(wrong, now).timestamp())
    token = forge(iat=issued_at, exp=issued_at + int(MAX_TOKEN_LIFETIME.total_seconds()))
    assert access_token.verify(token, now=wrong).jti == "forged"


def test_its_private_half_goes_when_no_clock_can_let_it_sign_any_more_and_the_audit_log_says_so(signing_key, retire, now):
    retire(PUBLISHED_AFTER_RETIREMENT + REVOCATIONS_KEPT - SECOND)
    assert prune(now=now)["private_keys"] == 0
    assert prune(now=now + SECOND)["private_keys"] == 1
    assert prune(now=now + SECOND)["private_keys"] == 0
    kept = SigningKey.objects.get(pk=signing_key.pk)
    assert (kept.private_key, kept.public_jwk) == ("", signing_key.public_jwk)
    event = AuditEvent.objects.get(event="signing_key.private_half_removed")
    assert (event.target_id, event.actor, event.workspace) == (signing_key.kid, "system", None)
    assert all(key.private_key for key in SigningKey.objects.exclude(pk=signing_key.pk))


def test_that_of_a_revoked_one_goes_at_once_and_there_is_none_to_encrypt_again(signing_key, now, settings):
    revoke_signing_key(kid=signing_key.kid, now=now, **ACTOR)
    assert prune(now=now)["private_keys"] == 1
    assert not SigningKey.objects.get(pk=signing_key.pk).private_key
    settings.KEY_ENCRYPTION_KEYS = ["newer-" + "3" * 40, *settings.KEY_ENCRYPTION_KEYS]
    assert services.reencrypt_keys(now=now, **ACTOR) == 1
    assert not SigningKey.objects.get(pk=signing_key.pk).private_key


def test_a_token_that_lives_too_long_or_whose_key_is_long_gone_is_200_to_revoke_without_effect(send, billing, forge, retire, now):
    """Otherwise a row for each forged token would stay for as long as the token claims."""
    for token in (forge(exp=int(now.timestamp()) + 10 * 365 * 86_400), forge()):
        retire(PUBLISHED_AFTER_RETIREMENT + REVOCATIONS_KEPT)
        assert send.post("/oauth2/revoke", {"token": token}, billing.basic).status == 200
    assert not RevokedToken.objects.exists()
    retire(PUBLISHED_AFTER_RETIREMENT)
    assert send.post("/oauth2/revoke", {"token": forge()}, billing.basic).status == 200
    with pytest.raises(InvalidTokenError) as error:
        access_token.verify(forge(), now=now - timedelta(minutes=30))
    assert error.value.reason.code == "token_revoked"
