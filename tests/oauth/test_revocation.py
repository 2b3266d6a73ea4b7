"""POST /oauth2/revoke, RFC 7009."""

from datetime import timedelta

import jwt
import pytest

from clients.models import AuditEvent, Client
from oauth import access_token, services
from oauth.lookup import find_by_secret
from oauth.models import RevokedToken, SigningKey
from oauth.resource_errors import InvalidTokenError
from oauth.sender_constraint import Confirmation
from oauth.services import REVOCATIONS_KEPT
from oauth.signing_keys import require_signing_key
from oauth.throttling import NOT_COUNTED
from tests import factories
from tests.oauth.doors import ADDRESS, bearer


def issue(program, *, now):
    """A token as the endpoint issued it then, for an hour."""
    registration = find_by_secret(client_id=program.client_id, secret_id=program.secret_id, failure_keys=NOT_COUNTED, now=now)
    return access_token.issue(
        client=registration.client,
        credential_id=program.secret_id,
        scopes=("read",),
        audiences=("https://api.example.com",),
        confirmation=Confirmation(),
        key=require_signing_key(SigningKey.objects.get().kid),
        now=now,
    )


def is_alive(send, program, token):
    return send.post("/oauth2/introspect", {"token": token}, program.basic).json()["active"]


@pytest.mark.rfc("7009", "2.1")
@pytest.mark.rfc("7009", "2.2")
def test_a_client_revokes_its_own_token_and_no_other_and_the_audit_log_has_who_from_where_and_no_token(send, billing, token):
    another = send.token(billing.basic).json()["access_token"]
    answer = send.post("/oauth2/revoke", {"token": token}, billing.basic)
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert [is_alive(send, billing, one) for one in (token, another)] == [False, True]
    assert send.get("/api/v1/whoami", bearer(token)).status == 401
    event = AuditEvent.objects.get(event="token.revoked")
    assert (event.actor, event.address, event.request_id) == (f"client:{billing.client_id}", ADDRESS, answer.request_id)
    assert event.target_id == RevokedToken.objects.get().jti
    assert event.workspace == billing.client.workspace
    assert token not in str(event.after)


@pytest.mark.rfc("7009", "2.2")
def test_a_token_that_is_revoked_already_is_revoked_without_effect(send, billing, token):
    assert [send.post("/oauth2/revoke", {"token": token}, billing.basic).status for _ in range(2)] == [200, 200]
    assert RevokedToken.objects.count() == 1
    assert AuditEvent.objects.filter(event="token.revoked").count() == 1


@pytest.mark.rfc("7009", "2.1")
def test_anothers_token_is_200_without_effect(send, billing, demo, make, eves, token):
    for stranger in (make(demo), eves):
        assert send.post("/oauth2/revoke", {"token": token}, stranger.basic).status == 200
    assert is_alive(send, billing, token) is True
    assert not RevokedToken.objects.exists()


@pytest.mark.rfc("7009", "2.2")
@pytest.mark.parametrize("unknown", ["x", "a.b.c", "é", "x" * 60_000])
def test_anything_but_a_token_is_200(send, billing, unknown):
    assert send.post("/oauth2/revoke", {"token": unknown}, billing.basic).status == 200


@pytest.mark.rfc("7009", "2.1")
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense"])
def test_a_hint_changes_nothing(send, billing, token, hint):
    send.post("/oauth2/revoke", {"token": token, "token_type_hint": hint}, billing.basic)
    assert is_alive(send, billing, token) is False


@pytest.mark.rfc("7009", "2.1")
@pytest.mark.parametrize("around", ["{}\n", " {} ", "\t{}\r\n"])
def test_white_space_around_a_token_as_a_file_has_it_changes_nothing(send, billing, token, around):
    assert send.post("/oauth2/revoke", {"token": around.format(token)}, billing.basic).status == 200
    assert not is_alive(send, billing, token)


def test_nobody_revokes_without_authentication(send, billing, token):
    assert send.post("/oauth2/revoke", {"token": token}).error == (401, "invalid_client")
    assert send.post("/oauth2/revoke", {"token": token}, bearer(token)).error == (401, "invalid_client")
    assert is_alive(send, billing, token) is True


def test_revoking_twice_at_once_is_revoking_once(asgi, billing, token, now):
    """Both requests saw a valid token."""
    claims = jwt.decode(token, options={"verify_signature": False})
    for _ in range(2):
        services.revoke_token(client=billing.client, credential=claims["credential_id"], jti=claims["jti"], expires_at=now, actor=factories.TESTS, now=now)
    assert AuditEvent.objects.filter(event="token.revoked").count() == 1


@pytest.mark.rfc("7009", "2.2")
def test_a_token_that_expired_by_this_nodes_clock_only_is_revoked_for_all_nodes(send, billing, signing_key, now):
    """An acknowledged revocation also counts on nodes with a correct clock."""
    token = issue(billing, now=now - timedelta(hours=2))
    assert send.post("/oauth2/revoke", {"token": token}, billing.basic).status == 200
    with pytest.raises(InvalidTokenError) as error:
        access_token.verify(token, now=now - timedelta(hours=1, minutes=30))
    assert error.value.reason.code == "token_revoked"


def test_a_token_that_a_policy_refuses_stays_revoked_after_the_policy(send, billing, token):
    Client.objects.filter(pk=billing.client.pk).update(require_dpop=True)
    assert send.post("/oauth2/revoke", {"token": token}, billing.basic).status == 200
    Client.objects.filter(pk=billing.client.pk).update(require_dpop=False)
    assert is_alive(send, billing, token) is False


def test_of_a_token_that_is_long_over_nothing_is_kept(send, billing, now):
    token = issue(billing, now=now - REVOCATIONS_KEPT - timedelta(hours=2))
    assert send.post("/oauth2/revoke", {"token": token}, billing.basic).status == 200
    assert not RevokedToken.objects.exists()


def test_prune_forgets_a_revocation_a_week_after_the_token_has_expired(asgi, billing, token, now):
    """A clock that is wrong by less doesn't make a token valid again."""
    asgi.post("/oauth2/revoke", {"token": token}, billing.basic)
    assert services.prune(now=now + timedelta(days=7))["revoked_tokens"] == 0
    assert services.prune(now=now + timedelta(days=7, hours=2))["revoked_tokens"] == 1
