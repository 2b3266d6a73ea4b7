"""Who calls a gateway or an API: by access token, HTTP Basic or API key, and by one of them only. RFC 6750 §2 and §3."""

import pytest

from clients.models import Client
from tests.oauth.conftest import reason_of
from tests.oauth.doors import DPOP_CHALLENGE, basic, bearer

WHOAMI, VERIFY = "/api/v1/whoami", "/gateway/demo/verify"
RESOURCES = [WHOAMI, VERIFY]
REFUSED = (
    'Bearer realm="TokenOS", error="invalid_token", '
    'error_description="The token or key is malformed, unknown, expired, revoked or not meant for this resource. '
    "The client's owner can look up the reason in the dashboard by this response's X-Request-Id.\", "
    f"{DPOP_CHALLENGE}"
)


@pytest.mark.rfc("6750", "3")
@pytest.mark.parametrize("path", RESOURCES)
def test_without_credentials_the_challenge_carries_no_error(send, demo, path):
    answer = send.get(path)
    assert answer.error == (401, "invalid_token")
    assert answer.challenges == f'Bearer realm="TokenOS", {DPOP_CHALLENGE}'


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.parametrize("path", RESOURCES)
@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer", "Bearer ", "Bearer a.b.c", "Bearer é.é.é", "Bearer " + "x" * 8000, "Bearer tos_live_x", "Bearer a b", "Digest x", "", " ", "token",
    ],
)  # fmt: skip
def test_bad_credentials_are_an_invalid_token(send, demo, path, authorization):
    answer = send.get(path, authorization)
    assert answer.error == (401, "invalid_token")
    assert answer.challenges == REFUSED
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.parametrize("header", [{"X-API-Key": "nonsense"}, {"X-API-Key": ""}, {"X-API-Key": "é"}, {"Authorization": "DPoP x"}])
def test_bad_keys_are_challenged(send, demo, header):
    answer = send.get(VERIFY, headers=header)
    assert answer.error == (401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.rfc("6750", "2")
def test_a_repeated_authorization_header_is_no_valid_credential_and_bad_basic_is_challenged_with_basic(send, billing, token):
    for authorization in (f"{billing.basic},{billing.basic}", f"Bearer {token},Bearer {token}", f"Bearer {token},{billing.basic}"):
        assert send.get(WHOAMI, authorization).error == (401, "invalid_token")
    for authorization in (basic(billing.client_id, "wrong"), "Basic !", "Basic é"):
        answer = send.get(WHOAMI, authorization)
        assert answer.error == (401, "invalid_client")
        assert answer.challenges.startswith("Basic ")


def test_two_credentials_at_once_are_refused(send, billing, token):
    assert send.get(VERIFY, bearer(token), headers={"X-API-Key": billing.secret}).status == 401
    assert send.get(VERIFY, headers={"X-API-Key": f"{billing.secret},{billing.secret}"}).status == 401


@pytest.mark.rfc("6750", "2.3")
def test_a_token_in_the_query_an_api_key_header_elsewhere_than_at_the_gateway_and_plain_http_are_refused(send, billing, token):
    assert send.get(WHOAMI, query=f"access_token={token}").status == 401
    assert send.get(WHOAMI, headers={"X-API-Key": billing.secret}).status == 401
    assert send.get(WHOAMI, billing.basic, secure=False).error == (400, "invalid_request")


def test_what_is_refused_names_its_client(send, billing):
    Client.objects.filter(pk=billing.client.pk).update(status="disabled")
    answer = send.get(WHOAMI, bearer(billing.secret))
    assert answer.challenges == REFUSED
    assert reason_of(answer.request_id) == "client_disabled"
