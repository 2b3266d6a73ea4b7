"""Rotation and revocation of signing keys: announced, active, retired, revoked."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import jwt
import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from clients.models import AuditEvent
from oauth import signing_keys
from oauth.models import SigningKey
from oauth.services import ANNOUNCEMENT, JWKS_MAX_AGE, reencrypt_keys, revoke_signing_key, rotate_signing_key, rotate_signing_key_if_due
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
    """Let time pass: every time in the table moves back."""
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
    age(ANNOUNCEMENT - timedelta(minutes=1))
    assert signer(send, billing) == signing_key.kid
    age(timedelta(minutes=2))
    assert (signer(send, billing), state(signing_key.kid, now + timedelta(seconds=1))) == (new, "retired")
    assert published(send) == [new, signing_key.kid]
    age(timedelta(hours=25))
    assert published(send) == [new]
    assert signer(send, billing) == new


@pytest.mark.long
def test_now_signs_at_once_with_the_algorithm_asked_for_or_the_one_before_and_earlier_tokens_keep_working(send, billing, signing_key, now):
    """An unknown algorithm is refused, and nothing is written."""
    tokens = {signing_key.kid: send.token(billing.basic).json()["access_token"]}
    for algorithm, expected in ((None, "ES256"), ("RS256", "RS256"), (None, "RS256"), ("EdDSA", "EdDSA"), ("ES256", "ES256")):
        key = rotate_signing_key(now=now, algorithm=algorithm, immediately=True, **ACTOR).key
        assert key.algorithm == expected
        tokens[key.kid] = send.token(billing.basic).json()["access_token"]
        header = jwt.get_unverified_header(tokens[key.kid])
        assert (header["kid"], header["alg"]) == (key.kid, expected)
    keys = jwt.PyJWKSet.from_dict(send.get("/.well-known/jwks.json").json())
    for kid, token in tokens.items():
        assert send.get("/api/v1/whoami", bearer(token)).status == 200
        assert jwt.decode(token, keys[kid], algorithms=[keys[kid].algorithm_name], options={"verify_aud": False})["sub"] == billing.client_id
    with pytest.raises(ValidationError, match="ES256, RS256, EdDSA"):
        rotate_signing_key(now=now, algorithm="HS256", **ACTOR)
    assert SigningKey.objects.count() == len(tokens)


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
    """To revoke it again changes nothing, and an unknown one is refused."""
    revoked, signing = revoke_signing_key(kid=signing_key.kid, now=now, **ACTOR)
    assert (revoked.state(now), signing.state(now), signing.algorithm) == ("revoked", "active", "ES256")
    assert signer(send, billing) == signing.kid != signing_key.kid
    again, _ = revoke_signing_key(kid=signing_key.kid, now=now + timedelta(hours=1), **ACTOR)
    assert again.revoked_at == now
    assert AuditEvent.objects.filter(event="signing_key.revoked").count() == 1
    with pytest.raises(ValidationError, match="no signing key “nonsense”"):
        revoke_signing_key(kid="nonsense", now=now, **ACTOR)


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


class TestRotationByItself:
    def test_a_key_of_that_age_gets_a_successor_which_is_announced_like_any_other(self, send, billing, signing_key, now, settings):
        assert settings.SIGNING_KEY_ROTATION_DAYS == 90
        age(timedelta(days=90))
        rotated = rotate_signing_key_if_due(now=now)
        new = rotated.key
        assert ([old.kid for old in rotated.previous], new.algorithm) == ([signing_key.kid], "ES256")
        assert new.activates_at == rotated.previous[0].retires_at == now + ANNOUNCEMENT
        assert published(send) == [new.kid, signing_key.kid]
        assert signer(send, billing) == signing_key.kid
        age(ANNOUNCEMENT + timedelta(seconds=1))
        assert signer(send, billing) == new.kid
        event = AuditEvent.objects.get(target_id=new.kid)
        assert (event.event, event.actor, event.before["retires_at"]) == ("signing_key.rotated", "system", {signing_key.kid: None})

    def test_a_younger_one_doesnt(self, signing_key, now):
        age(timedelta(days=90) - (now - signing_key.activates_at) - timedelta(seconds=1))
        assert rotate_signing_key_if_due(now=now) is None
        assert SigningKey.objects.get() == signing_key

    @pytest.mark.parametrize("algorithm", [None, "EdDSA"])
    def test_nor_does_one_whose_successor_is_announced_already(self, signing_key, now, algorithm):
        age(timedelta(days=200))
        announced = rotate_signing_key(now=now, algorithm=algorithm, **ACTOR).key
        assert rotate_signing_key_if_due(now=now + timedelta(minutes=5)) is None
        assert rotate_signing_key_if_due(now=now + timedelta(minutes=7)) is None
        assert set(SigningKey.objects.all()) == {signing_key, announced}

    def test_one_whose_announced_successor_was_revoked_does(self, signing_key, now):
        age(timedelta(days=91))
        revoked = rotate_signing_key_if_due(now=now).key
        revoke_signing_key(kid=revoked.kid, now=now, **ACTOR)
        assert rotate_signing_key_if_due(now=now).key.kid not in (signing_key.kid, revoked.kid)

    @pytest.mark.usefixtures("signing_key")
    def test_every_interval_there_is_one_more(self, now):
        for number in range(1, 4):
            age(timedelta(days=91))
            assert rotate_signing_key_if_due(now=now) is not None
            assert rotate_signing_key_if_due(now=now) is None
            assert SigningKey.objects.count() == number + 1

    @pytest.mark.long
    @pytest.mark.django_db
    def test_the_algorithm_stays(self, now):
        factories.create_signing_key("RS256")
        age(timedelta(days=91))
        assert rotate_signing_key_if_due(now=now).key.algorithm == "RS256"

    @pytest.mark.usefixtures("signing_key")
    def test_the_interval_is_a_setting_and_0_turns_rotation_off(self, now, settings):
        age(timedelta(days=7))
        settings.SIGNING_KEY_ROTATION_DAYS = 0
        assert rotate_signing_key_if_due(now=now) is None
        age(timedelta(days=3650))
        assert rotate_signing_key_if_due(now=now) is None
        settings.SIGNING_KEY_ROTATION_DAYS = 7
        assert rotate_signing_key_if_due(now=now) is not None

    @pytest.mark.django_db
    def test_without_a_key_there_is_nothing_to_rotate(self, now):
        assert rotate_signing_key_if_due(now=now) is None
        assert not SigningKey.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_ten_at_once_make_one(self, now):
        first = factories.create_signing_key()
        age(timedelta(days=91))
        barrier = Barrier(10)

        def rotate(_):
            barrier.wait()
            try:
                return rotate_signing_key_if_due(now=now) is not None
            finally:
                connection.close()

        with ThreadPoolExecutor(10) as pool:
            assert Counter(pool.map(rotate, range(10))) == {True: 1, False: 9}
        assert SigningKey.objects.exclude(pk=first.pk).count() == 1
        assert AuditEvent.objects.filter(actor="system").count() == 1


def test_the_private_key_is_encrypted_at_rest_and_can_be_encrypted_again(send, billing, signing_key, now, settings):
    old, new = settings.KEY_ENCRYPTION_KEYS[0], "newer-" + "3" * 40
    before = SigningKey.objects.get().private_key
    settings.KEY_ENCRYPTION_KEYS = [new, old]
    assert reencrypt_keys(now=now, **ACTOR) == 1
    assert reencrypt_keys(now=now, **ACTOR) == 0
    assert SigningKey.objects.get().private_key.partition(":")[0] != before.partition(":")[0]
    assert AuditEvent.objects.filter(event="signing_key.reencrypted").count() == 1
    settings.KEY_ENCRYPTION_KEYS = [new]
    # As after a restart.
    signing_keys.signing_key.cache_clear()
    assert signer(send, billing) == signing_key.kid


def test_rows_read_well_in_the_admin(signing_key, billing):
    from oauth.models import FailureCount, RevokedToken

    assert str(signing_key) == signing_key.kid
    assert str(RevokedToken(jti="abc")) == "abc"
    assert str(FailureCount(failures=3)) == "3 failures"


@pytest.mark.apart
def test_without_a_signing_key_that_it_can_open_it_is_temporarily_unavailable(send, billing, signing_key, settings):
    opening = settings.KEY_ENCRYPTION_KEYS
    # As after a restart.
    signing_keys.signing_key.cache_clear()
    settings.KEY_ENCRYPTION_KEYS = ["another-" + "2" * 40]
    assert send.token(billing.basic).error == (503, "temporarily_unavailable")
    settings.KEY_ENCRYPTION_KEYS = ["another-" + "2" * 40, *opening]
    assert send.token(billing.basic).status == 200
    signing_key.delete()
    answer = send.token(billing.basic)
    assert answer.error == (503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0
