"""Client authentication with a certificate, RFC 8705 §2: both methods, through both doors. The file of the operator's CAs is in
test_client_ca.py, what a handshake adds in tests/servers/test_mtls.py.
"""

from datetime import timedelta

import pytest
from django.conf import settings

from clients.models import ClientCertificate, RecordedRequest, UsageBucket
from clients.services import usage
from clients.services.certificates import revoke_certificate
from clients.services.clients import disable_client
from clients.services.workspaces import change_workspace
from tests import factories
from tests.certificates import Authority, issue, self_signed
from tests.oauth.certified import BY_CA, SELF_SIGNED, get_token, refusal
from tests.oauth.doors import ADDRESS, ELSEWHERE, bearer


@pytest.fixture
def machine(demo, make):
    """A client that authenticates by its registered certificate."""
    return make(demo, name="machine", auth_methods=[SELF_SIGNED])


# §2.2: self-signed


@pytest.mark.rfc("8705", "2.2")
def test_registered_certificate_gets_a_token(send, machine, register):
    holder = self_signed()
    register(machine.client, holder)
    answer = get_token(send, machine.client_id, holder)
    assert answer.status == 200
    assert answer.json()["token_type"] == "Bearer"


@pytest.mark.rfc("8705", "3.1")
def test_token_is_bound_to_the_certificate(send, machine, register):
    holder = self_signed()
    row = register(machine.client, holder)
    claims = get_token(send, machine.client_id, holder).claims
    assert claims["cnf"] == {"x5t#S256": row.thumbprint}


def test_certificate_of_a_ca_may_be_registered_as_well(send, machine, register):
    holder = issue(Authority.create())
    register(machine.client, holder)
    assert get_token(send, machine.client_id, holder).status == 200


@pytest.mark.rfc("8705", "2.2")
def test_another_certificate_is_refused_whatever_its_subject(send, machine, register):
    register(machine.client, self_signed("billing"))
    assert refusal(get_token(send, machine.client_id, self_signed("billing"))) == "certificate_unknown"


def test_same_key_in_another_certificate_is_refused(send, machine, register):
    holder = self_signed()
    register(machine.client, holder)
    assert refusal(get_token(send, machine.client_id, self_signed(key=holder.key))) == "certificate_unknown"


def test_certificate_of_another_client_is_refused(send, demo, machine, register, make):
    other, holder = make(demo, auth_methods=[SELF_SIGNED]), self_signed()
    register(other.client, holder)
    assert refusal(get_token(send, machine.client_id, holder)) == "certificate_unknown"


def test_two_clients_with_one_certificate_are_told_apart_by_client_id(send, demo, machine, register, make):
    other, holder = make(demo, auth_methods=[SELF_SIGNED]), self_signed()
    for client in (other.client, machine.client):
        register(client, holder)
    for client in (other, machine):
        token = get_token(send, client.client_id, holder)
        assert token.claims["sub"] == client.client_id


def test_certificate_that_somebody_else_registered_before_and_revoked_goes_on_here(send, machine, eves, register, now):
    """It is public: anybody may register it for a client of theirs."""
    holder = self_signed()
    theirs = register(eves.client, holder)
    register(machine.client, holder)
    token = get_token(send, machine.client_id, holder).json()["access_token"]
    revoke_certificate(client=eves.client, thumbprint=theirs.thumbprint, actor=factories.TESTS, now=now)
    assert send.get("/api/v1/whoami", bearer(token), certificate=holder.der).status == 200
    assert get_token(send, machine.client_id, holder).status == 200


def test_revoked_certificate_stops_at_the_next_request_and_its_tokens_die(send, machine, register, now):
    holder = self_signed()
    row = register(machine.client, holder)
    token = get_token(send, machine.client_id, holder).json()["access_token"]
    introspect = lambda: send.post("/oauth2/introspect", {"client_id": machine.client_id, "token": token}, certificate=holder.der)  # noqa: E731
    assert introspect().json()["active"] is True
    revoke_certificate(client=machine.client, thumbprint=row.thumbprint, actor=factories.TESTS, now=now)
    assert refusal(get_token(send, machine.client_id, holder)) == "certificate_revoked"
    successor = self_signed()
    register(machine.client, successor)
    answer = send.post("/oauth2/introspect", {"client_id": machine.client_id, "token": token}, certificate=successor.der)
    assert answer.json() == {"active": False}


def test_expired_certificate_is_refused(send, machine, register, now):
    holder = self_signed()
    row = register(machine.client, holder)
    ClientCertificate.objects.filter(pk=row.pk).update(expires_at=now - timedelta(seconds=1))
    assert refusal(get_token(send, machine.client_id, holder)) == "certificate_expired"


def test_certificate_is_refused_before_it_begins(send, machine, register, now):
    holder = self_signed(begins=now + timedelta(hours=1))
    register(machine.client, holder)
    assert refusal(get_token(send, machine.client_id, holder)) == "certificate_not_yet_valid"


def test_client_without_the_method_is_refused(send, billing, register):
    holder = self_signed()
    assert refusal(get_token(send, billing.client_id, holder)) == "method_not_allowed"
    register(billing.client, holder)
    assert refusal(get_token(send, billing.client_id, holder)) == "method_not_allowed"


def test_disabled_client_is_refused(send, machine, register, now):
    holder = self_signed()
    register(machine.client, holder)
    disable_client(client=machine.client, actor=factories.TESTS, now=now)
    assert refusal(get_token(send, machine.client_id, holder)) == "client_disabled"


def test_address_ranges_hold_for_certificates_too(send, demo, make, register):
    program, holder = make(demo, auth_methods=[SELF_SIGNED], allowed_networks=[f"{ADDRESS}/32"]), self_signed()
    register(program.client, holder)
    assert get_token(send, program.client_id, holder).status == 200
    assert refusal(get_token(send, program.client_id, holder, address=ELSEWHERE)) == "address_not_allowed"


@pytest.mark.parametrize("client_id", ["A" * 22, "nobody", "n" * 100, "a\N{SNOWMAN}"])
def test_unknown_client_is_refused(send, demo, client_id):
    assert refusal(get_token(send, client_id, self_signed())) == "unknown_client"


def test_certificate_without_client_id_is_no_authentication(send, machine, caplog):
    answer = send.token(None, certificate=self_signed().der)
    assert refusal(answer) == "client_id_missing"
    assert "refused: client_id_missing" in caplog.text


@pytest.mark.parametrize("methods", [[SELF_SIGNED], ["client_secret_basic", SELF_SIGNED], [BY_CA]])
@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"])
def test_client_of_certificates_without_one_is_told_to_its_owner(send, demo, make, methods, path):
    fields = {"tls_subject_type": "tls_client_auth_san_dns", "tls_subject": "billing.example.com"} if BY_CA in methods else {}
    program = make(demo, auth_methods=methods, **fields)
    answer = send.post(path, {"grant_type": "client_credentials", "token": "a.b.c", "client_id": program.client_id})
    assert refusal(answer) == "certificate_missing"
    assert RecordedRequest.objects.get(request_id=answer.request_id).client == program.client


def test_policy_that_forbids_certificates_hides_no_missing_one(asgi, demo, machine, now):
    change_workspace(workspace=demo, allowed_auth_methods=["client_secret_basic"], actor=factories.TESTS, now=now)
    assert refusal(asgi.token(None, {"client_id": machine.client_id})) == "certificate_missing"


def test_owner_reads_that_the_policy_forbids_certificates_of_a_ca(send, ca, demo, named, now):
    program, holder = named("subject_dn", "CN=billing"), issue(ca, "billing")
    change_workspace(workspace=demo, allowed_auth_methods=["client_secret_basic"], actor=factories.TESTS, now=now)
    assert refusal(get_token(send, program.client_id, holder)) == "method_against_policy"


def test_client_of_secrets_without_one_came_without_credentials(send, billing):
    answer = send.token(None, {"client_id": billing.client_id})
    assert refusal(answer) == "missing_credentials"
    assert RecordedRequest.objects.get(request_id=answer.request_id).client == billing.client


def test_caller_without_a_certificate_learns_nothing_of_the_client(send, demo, billing, machine):
    answers = [send.token(None, {"client_id": client_id}) for client_id in (machine.client_id, billing.client_id, "A" * 22, "a\N{SNOWMAN}", "n" * 500)]
    assert len({(answer.status, answer.body, answer.headers["www-authenticate"]) for answer in answers}) == 1


def test_missing_certificates_are_throttled(send, machine, monkeypatch):
    monkeypatch.setattr(settings, "FAILURES_PER_CLIENT", 2)
    assert [send.token(None, {"client_id": machine.client_id}).status for _ in range(4)] == [401, 401, 429, 429]


@pytest.mark.rfc("6749", "2.3")
def test_certificate_beside_a_secret_is_the_secrets_authentication(send, billing):
    """Everybody who passes a proxy with mutual TLS has a certificate on the connection."""
    assert send.token(billing.basic, certificate=self_signed().der).status == 200


def test_client_limited_to_certificates_cant_use_its_secret(send, machine, register):
    register(machine.client, self_signed())
    assert refusal(send.token(machine.basic)) == "method_not_allowed"


def test_failures_are_throttled_and_good_ones_from_elsewhere_are_not(send, machine, register, monkeypatch):
    monkeypatch.setattr(settings, "FAILURES_PER_CLIENT", 3)
    holder, wrong = self_signed(), self_signed()
    register(machine.client, holder)
    for _ in range(3):
        assert get_token(send, machine.client_id, wrong).status == 401
    for one in (wrong, holder):
        answer = get_token(send, machine.client_id, one)
        assert answer.status == 429
        assert int(answer.headers["retry-after"]) > 0
    assert get_token(send, machine.client_id, holder, address=ELSEWHERE).status == 200


def test_use_is_noted_with_the_certificate(send, machine, register):
    holder = self_signed()
    row = register(machine.client, holder)
    get_token(send, machine.client_id, holder)
    usage.flush()
    row.refresh_from_db()
    assert row.last_used_at is not None
    assert row.last_used_from == ADDRESS
    assert UsageBucket.objects.get().credential == f"certificate:{row.thumbprint}"
