"""Rotation and revocation of signing keys: announced, active, retired, revoked."""

from datetime import timedelta

import jwt
import pytest
from django.core.exceptions import ValidationError

from clients.models import AuditEvent
from oauth.models import SigningKey
from oauth.services import ANNOUNCEMENT, JWKS_MAX_AGE, reencrypt_keys, revoke_signing_key, rotate_signing_key
from tests import factories
from tests.oauth.doors import bearer

ACTOR = {"actor": factories.TESTS}


def signer(send, program):
    answer = send.token(program.basic)
    assert answer.status == 200
    return jwt.get_unverified_header(answer.json()["access_token"])["kid"]


def published(send):
    return [key["kid"] for key in send.get("/.well-known/jwks.json").json()["keys"]]


def age(by):
    """Let time pass: every moment in the table moves back."""
    for key in SigningKey.objects.all():
        for name in ("created_at", "activates_at", "retires_at", "revoked_at"):
            moment = getattr(key, name)
            setattr(key, name, moment and moment - by)
        key.save()


def state(kid, now):
    return SigningKey.objects.get(kid=kid).state(now)


def test_the_first_key_signs_at_once(db, now):
    key = rotate_signing_key(now=now, **ACTOR).key
    assert (key.state(now), key.algorithm) == ("active", "ES256")
    assert SigningKey.objects.usable_for_signing(now).get() == key


def test_a_new_key_is_announced_until_every_cache_must_hold_it_then_it_signs(send, billing, signing_key, now):
    rotated = rotate_signing_key(now=now, **ACTOR)
    new = rotated.key.kid
    assert [old.kid for old in rotated.previous] == [signing_key.kid]
    assert rotated.key.activates_at == now + ANNOUNCEMENT > now + JWKS_MAX_AGE
    assert state(new, now) == "pending"
    assert published(send) == [new, signing_key.kid]
    assert signer(send, billing) == signing_key.kid
    age(ANNOUNCEMENT - timedelta(seconds=10))
    assert signer(send, billing) == signing_key.kid
    age(timedelta(seconds=20))
    assert (signer(send, billing), state(signing_key.kid, now + timedelta(seconds=1))) == (new, "retired")
    assert published(send) == [new, signing_key.kid]
    age(timedelta(hours=25))
    assert published(send) == [new]
    assert signer(send, billing) == new


def test_tokens_of_a_retired_key_live_on(send, billing, signing_key, now):
    token = send.token(billing.basic).json()["access_token"]
    rotate_signing_key(now=now, immediately=True, **ACTOR)
    assert send.get("/api/v1/whoami", bearer(token)).status == 200


@pytest.mark.parametrize("algorithm", ["RS256", "EdDSA", "ES256", None])
def test_now_signs_at_once_with_the_algorithm_asked_for_or_the_one_before(send, billing, signing_key, now, algorithm):
    new = rotate_signing_key(now=now, immediately=True, algorithm=algorithm, **ACTOR).key
    assert new.algorithm == (algorithm or "ES256")
    assert signer(send, billing) == new.kid
    assert rotate_signing_key(now=now, immediately=True, **ACTOR).key.algorithm == new.algorithm


def test_an_unknown_algorithm_is_refused_and_nothing_written(db, now):
    with pytest.raises(ValidationError, match="ES256, RS256, EdDSA"):
        rotate_signing_key(now=now, algorithm="HS256", **ACTOR)
    assert not SigningKey.objects.exists()


def test_a_second_announcement_takes_the_place_of_the_first(send, billing, signing_key, now):
    first = rotate_signing_key(now=now, **ACTOR).key
    second = rotate_signing_key(now=now + timedelta(minutes=1), **ACTOR).key
    assert signer(send, billing) == signing_key.kid
    age(ANNOUNCEMENT + timedelta(minutes=2))
    assert signer(send, billing) == second.kid
    assert first.kid in published(send)


def test_some_key_signs_at_every_moment_of_two_rotations(send, billing, signing_key, now):
    rotate_signing_key(now=now, **ACTOR)
    rotate_signing_key(now=now + timedelta(minutes=3), **ACTOR)
    for minutes in range(12):
        moment = now + timedelta(minutes=minutes)
        assert SigningKey.objects.usable_for_signing(moment).exists(), minutes
        assert SigningKey.objects.usable_for_signing(moment)[0] in SigningKey.objects.published(moment)


def test_a_revoked_active_key_is_replaced_at_once_by_a_new_one(send, billing, signing_key, now):
    revoked, signing = revoke_signing_key(kid=signing_key.kid, now=now, **ACTOR)
    assert (revoked.state(now), signing.state(now), signing.algorithm) == ("revoked", "active", "ES256")
    assert signer(send, billing) == signing.kid != signing_key.kid


def test_a_revoked_active_key_is_replaced_by_the_announced_one(send, billing, signing_key, now):
    announced = rotate_signing_key(now=now, **ACTOR).key
    _, signing = revoke_signing_key(kid=signing_key.kid, now=now, **ACTOR)
    assert signer(send, billing) == signing.kid == announced.kid
    assert SigningKey.objects.count() == 2


def test_a_revoked_pending_key_never_signs(send, billing, signing_key, now):
    announced = rotate_signing_key(now=now, **ACTOR).key
    _, signing = revoke_signing_key(kid=announced.kid, now=now, **ACTOR)
    assert signing.kid == signing_key.kid
    assert published(send) == [signing_key.kid]
    age(ANNOUNCEMENT + timedelta(minutes=1))
    assert send.token(billing.basic).status == 200


@pytest.mark.parametrize("revoked", [0, 1, 2])
def test_some_key_signs_at_every_moment_whichever_of_three_is_revoked(signing_key, now, revoked):
    keys = [signing_key, rotate_signing_key(now=now, **ACTOR).key, rotate_signing_key(now=now + timedelta(minutes=2), **ACTOR).key]
    revoke_signing_key(kid=keys.pop(revoked).kid, now=now + timedelta(minutes=3), **ACTOR)
    for minutes in range(3, 60):
        moment = now + timedelta(minutes=minutes)
        assert SigningKey.objects.usable_for_signing(moment).first() in keys, minutes


def test_a_retired_key_never_signs_again(send, billing, signing_key, now):
    new = rotate_signing_key(now=now, immediately=True, **ACTOR).key
    _, replacement = revoke_signing_key(kid=new.kid, now=now, **ACTOR)
    assert signer(send, billing) == replacement.kid not in (new.kid, signing_key.kid)
    assert AuditEvent.objects.get(event="signing_key.created").target_id == replacement.kid


def test_revoking_a_retired_key_leaves_the_others_as_they_are(signing_key, now):
    new = rotate_signing_key(now=now, immediately=True, **ACTOR).key
    _, signing = revoke_signing_key(kid=signing_key.kid, now=now, **ACTOR)
    assert signing == new
    assert not AuditEvent.objects.filter(event__in=["signing_key.rescheduled", "signing_key.created"]).exists()


def test_revoking_a_revoked_key_changes_nothing_and_an_unknown_one_is_refused(signing_key, now):
    revoke_signing_key(kid=signing_key.kid, now=now, **ACTOR)
    again, _ = revoke_signing_key(kid=signing_key.kid, now=now + timedelta(hours=1), **ACTOR)
    assert again.revoked_at == now
    assert AuditEvent.objects.filter(event="signing_key.revoked").count() == 1
    with pytest.raises(ValidationError, match="no signing key nonsense"):
        revoke_signing_key(kid="nonsense", now=now, **ACTOR)


def test_the_private_key_is_encrypted_at_rest_and_can_be_encrypted_anew(send, billing, signing_key, now, settings):
    old, new = settings.KEY_ENCRYPTION_KEYS[0], "newer-" + "3" * 40
    before = SigningKey.objects.get().private_key
    settings.KEY_ENCRYPTION_KEYS = [new, old]
    assert reencrypt_keys(now=now, **ACTOR) == 1
    assert reencrypt_keys(now=now, **ACTOR) == 0
    assert SigningKey.objects.get().private_key.partition(":")[0] != before.partition(":")[0]
    assert AuditEvent.objects.filter(event="signing_key.reencrypted").count() == 1
    settings.KEY_ENCRYPTION_KEYS = [new]
    assert signer(send, billing) == signing_key.kid


def test_rows_read_well_in_the_admin(signing_key, billing):
    from oauth.models import FailureCount, RevokedToken

    assert str(signing_key) == signing_key.kid
    assert str(RevokedToken(jti="abc")) == "abc"
    assert str(FailureCount(failures=3)) == "3 failures"
