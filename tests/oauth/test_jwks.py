"""The JWKS, RFC 7517, with the keys that rotation leaves in it."""

from datetime import timedelta

import pytest

from oauth.models import SigningKey
from oauth.services import revoke_signing_key, rotate_signing_key
from tests import factories

PATH = "/.well-known/jwks.json"


def kids(send):
    return [key["kid"] for key in send.get(PATH).json()["keys"]]


@pytest.mark.rfc("7517", "5")
@pytest.mark.parametrize(
    ("algorithm", "members"),
    [("ES256", {"kty", "crv", "x", "y"}), ("RS256", {"kty", "n", "e"}), ("EdDSA", {"kty", "crv", "x"})],
)
def test_it_holds_the_public_half_only(send, db, algorithm, members):
    key = factories.create_signing_key(algorithm)
    [jwk] = send.get(PATH).json()["keys"]
    assert set(jwk) == members | {"kid", "alg", "use"}
    assert (jwk["kid"], jwk["alg"], jwk["use"]) == (key.kid, algorithm, "sig")


def test_every_origin_may_read_it_and_keep_it_for_five_minutes(send, signing_key):
    answer = send.get(PATH)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["content-type"] == "application/json"


def test_without_keys_it_is_empty(send, db):
    assert send.get(PATH).json() == {"keys": []}


def test_a_new_key_is_published_at_once_and_the_old_one_stays(send, signing_key, now):
    new = rotate_signing_key(actor=factories.TESTS, now=now).key
    assert kids(send) == [new.kid, signing_key.kid]


def test_a_retired_key_stays_until_the_last_token_that_it_signed_has_expired(send, signing_key, now):
    new = rotate_signing_key(actor=factories.TESTS, now=now, immediately=True).key
    row = SigningKey.objects.filter(kid=signing_key.kid)
    row.update(retires_at=now - timedelta(hours=24))
    assert kids(send) == [new.kid, signing_key.kid]
    row.update(retires_at=now - timedelta(hours=24, minutes=2))
    assert kids(send) == [new.kid]


def test_a_revoked_key_is_gone_at_once(send, signing_key, now):
    _, replacement = revoke_signing_key(kid=signing_key.kid, actor=factories.TESTS, now=now)
    assert kids(send) == [replacement.kid]
