"""A token stops working at the very next request after it, its client, its credential or its signing key is revoked."""

from datetime import timedelta

import pytest

from clients.models import ClientSecret
from clients.services.rotation import rotate_secret
from clients.services.secrets import create_secret, revoke_secret
from oauth.services import revoke_signing_key, rotate_signing_key
from tests import factories
from tests.oauth.conftest import reason_of
from tests.oauth.doors import basic, bearer

ACTOR = {"actor": factories.TESTS}


@pytest.fixture
def token(asgi, billing, is_alive):
    token = asgi.token(billing.basic).json()["access_token"]
    assert is_alive(token)
    return token


def reason(asgi, token):
    return reason_of(asgi.get("/api/v1/whoami", bearer(token)).request_id)


@pytest.mark.rfc("7009", "2")
def test_a_revoked_token_no_longer_works_and_only_that_one(asgi, billing, is_alive, token):
    another = asgi.token(billing.basic).json()["access_token"]
    asgi.post("/oauth2/revoke", {"token": token}, billing.basic)
    assert not is_alive(token)
    assert is_alive(another)
    assert reason(asgi, token) == "token_revoked"


def test_a_revoked_secret_takes_its_tokens_with_it_and_no_others(asgi, billing, is_alive, token, now):
    second = create_secret(client=billing.client, now=now, **ACTOR)
    by_second = asgi.token(basic(billing.client_id, second.plaintext)).json()["access_token"]
    revoke_secret(client=billing.client, secret_id=billing.secret_id, now=now, **ACTOR)
    assert not is_alive(token)
    assert is_alive(by_second)
    assert reason(asgi, token) == "credential_revoked"
    assert asgi.token(billing.basic).status == 401
    assert asgi.get("/gateway/demo/verify", bearer(billing.secret)).status == 401


@pytest.mark.parametrize("overlap", [timedelta(), timedelta(hours=1)])
def test_tokens_of_a_secret_that_a_rotation_lets_run_out_keep_working(asgi, billing, is_alive, token, now, overlap):
    """Without an overlap, it ends at once."""
    rotated = rotate_secret(client=billing.client, overlap=overlap, now=now, **ACTOR)
    if overlap:
        factories.expire(ClientSecret.objects.get(secret_id=billing.secret_id))
    assert asgi.token(billing.basic).status == 401
    assert asgi.token(basic(billing.client_id, rotated.plaintext)).status == 200
    assert is_alive(token)


def test_a_revoked_signing_key_takes_all_its_tokens_and_no_others(asgi, billing, is_alive, token, signing_key, now):
    rotate_signing_key(now=now, immediately=True, **ACTOR)
    by_new = asgi.token(billing.basic).json()["access_token"]
    assert is_alive(token)
    revoke_signing_key(kid=signing_key.kid, now=now, **ACTOR)
    assert not is_alive(token)
    assert is_alive(by_new)
    assert reason(asgi, token) == "signing_key_revoked"


@pytest.mark.parametrize("gone", ["signing key", "secret", "client"])
def test_a_signing_key_client_or_secret_that_is_gone_is_like_a_revoked_one(billing, is_alive, token, signing_key, gone):
    """As after restoring a backup, in a process that still has the key in memory."""
    {"signing key": signing_key, "client": billing.client, "secret": ClientSecret.objects.get(secret_id=billing.secret_id)}[gone].delete()
    assert not is_alive(token)
