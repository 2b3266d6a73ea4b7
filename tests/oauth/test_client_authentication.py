"""Client authentication: one method in a request, and the same answer for every failure. RFC 6749 §2.3 and §5.2."""

import pytest

from clients.models import Client, ClientSecret
from clients.secret import generate
from clients.services.clients import disable_client
from clients.services.secrets import revoke_secret
from tests import factories
from tests.oauth.conftest import reason_of
from tests.oauth.doors import basic

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def refuse(case, program, others, now):
    """Make program's credentials invalid in one way, and return what it sends."""
    client, presented = program.client, program.secret
    match case:
        case "unknown_client":
            return "A" * 22, presented
        case "unknown_secret":
            return program.client_id, generate("live").plaintext
        case "other_clients_secret":
            return program.client_id, others.secret
        case "not_a_secret":
            return program.client_id, "password"
        case "bad_checksum":
            return program.client_id, presented[:-1] + ("0" if presented[-1] != "0" else "1")
        case "wrong_secret":
            ClientSecret.objects.filter(secret_id=program.secret_id).update(digest=ClientSecret.objects.get(secret_id=others.secret_id).digest)
        case "secret_revoked":
            revoke_secret(client=client, secret_id=program.secret_id, actor=factories.TESTS, now=now)
        case "secret_expired":
            factories.expire(ClientSecret.objects.get(secret_id=program.secret_id))
        case "client_disabled":
            disable_client(client=client, actor=factories.TESTS, now=now)
        case "method_not_allowed":
            Client.objects.filter(pk=client.pk).update(auth_methods=[])
        case "address_not_allowed":
            Client.objects.filter(pk=client.pk).update(allowed_networks=["192.0.2.0/24"])
    return program.client_id, presented


CASES = [
    "unknown_client", "unknown_secret", "other_clients_secret", "not_a_secret", "bad_checksum", "wrong_secret", "secret_revoked", "secret_expired",
    "client_disabled", "method_not_allowed", "address_not_allowed",
]  # fmt: skip


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", ["basic", "body"])
def test_the_caller_is_told_the_same_and_the_owner_the_reason(send, billing, demo, make, now, case, method):
    client_id, presented = refuse(case, billing, make(demo), now)
    answer = send.token(basic(client_id, presented)) if method == "basic" else send.token(None, {"client_id": client_id, "client_secret": presented})
    assert answer.error == (401, "invalid_client")
    assert answer.json()["error_description"] == send.token(basic("B" * 22, "nonsense")).json()["error_description"]
    assert reason_of(answer.request_id) == case


def test_no_credentials_at_all_are_invalid_client(send, billing):
    assert send.token().error == (401, "invalid_client")
    answer = send.token(None, {"client_id": billing.client_id})
    assert answer.error == (401, "invalid_client")
