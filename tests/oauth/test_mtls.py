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
@pytest.mark.rfc("8705", "3.1")
def test_registered_certificate_gets_a_token_that_is_bound_to_it_and_its_use_is_noted(send, machine, register):
    holder = self_signed()
    row = register(machine.client, holder)
    answer = get_token(send, machine.client_id, holder)
    assert answer.status == 200
    assert answer.json()["token_type"] == "Bearer"
    assert answer.claims["cnf"] == {"x5t#S256": row.thumbprint}
    usage.flush()
    row.refresh_from_db()
    assert row.last_used_at is not None
    assert row.last_used_from == ADDRESS
    assert UsageBucket.objects.get().credential == f"certificate:{row.thumbprint}"


def test_certificate_of_a_ca_may_be_registered_as_well(send, machine, register):
    holder = issue(Authority.create())
    register(machine.client, holder)
    assert get_token(send, machine.client_id, holder).status == 200


@pytest.mark.rfc("8705", "2.2")
def test_another_certificate_is_refused_whatever_its_subject_key_and_owner(send, demo, machine, register, make):
    holder, others = self_signed("billing"), self_signed()
    register(machine.client, holder)
    register(make(demo, auth_methods=[SELF_SIGNED]).client, others)
    for other in (self_signed("billing"), self_signed(key=holder.key), others):
        assert refusal(get_token(send, machine.client_id, other)) == "certificate_unknown"


def test_two_clients_with_one_certificate_are_told_apart_by_client_id(send, demo, machine, register, make):
    other, holder = make(demo, auth_methods=[SELF_SIGNED]), self_signed()
    for client in (other.client, machine.client):
        register(client, holder)
    for client in (other, machine):
        token = get_token(send, client.client_id, holder)
        assert token.claims["sub"] == client.client_id


def test_certificate_that_somebody_else_registered_before_and_revoked_goes_on_here(send, machine, eves, register, now):
    """It is public: anybody may register it for their own client."""
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


def test_certificate_is_refused_before_it_begins_and_after_its_end(send, machine, register, now):
    future, past = self_signed(begins=now + timedelta(hours=1)), self_signed()
    register(machine.client, future)
    row = register(machine.client, past)
    ClientCertificate.objects.filter(pk=row.pk).update(expires_at=now - timedelta(seconds=1))
    assert refusal(get_token(send, machine.client_id, future)) == "certificate_not_yet_valid"
    assert refusal(get_token(send, machine.client_id, past)) == "certificate_expired"


@pytest.mark.rfc("6749", "2.3")
def test_client_without_the_method_is_refused_and_a_certificate_beside_its_secret_does_no_harm(send, billing, register):
    """Every caller through a proxy with mutual TLS has a certificate on the connection."""
    holder = self_signed()
    assert refusal(get_token(send, billing.client_id, holder)) == "method_not_allowed"
    register(billing.client, holder)
    assert refusal(get_token(send, billing.client_id, holder)) == "method_not_allowed"
    assert send.token(billing.basic, certificate=holder.der).status == 200


def test_client_of_certificates_may_be_limited_to_addresses_or_disabled_and_cant_use_its_secret(send, demo, make, register, now):
    program, holder = make(demo, auth_methods=[SELF_SIGNED], allowed_networks=[f"{ADDRESS}/32"]), self_signed()
    register(program.client, holder)
    assert get_token(send, program.client_id, holder).status == 200
    assert refusal(get_token(send, program.client_id, holder, address=ELSEWHERE)) == "address_not_allowed"
    assert refusal(send.token(program.basic)) == "method_not_allowed"
    disable_client(client=program.client, actor=factories.TESTS, now=now)
    assert refusal(get_token(send, program.client_id, holder)) == "client_disabled"


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


def test_caller_without_a_certificate_learns_nothing_of_the_client(send, demo, billing, machine):
    """Of one that uses secrets, its owner reads that the credentials are missing."""
    answers = [send.token(None, {"client_id": client_id}) for client_id in (billing.client_id, machine.client_id, "A" * 22, "a\N{SNOWMAN}", "n" * 500)]
    assert len({(answer.status, answer.body, answer.headers["www-authenticate"]) for answer in answers}) == 1
    assert refusal(answers[0]) == "missing_credentials"
    assert RecordedRequest.objects.get(request_id=answers[0].request_id).client == billing.client


def test_wrong_and_missing_certificates_are_throttled_and_good_ones_from_elsewhere_are_not(send, machine, register, monkeypatch):
    monkeypatch.setattr(settings, "FAILURES_PER_CLIENT", 2)
    holder, wrong = self_signed(), self_signed()
    register(machine.client, holder)
    assert get_token(send, machine.client_id, wrong).status == send.token(None, {"client_id": machine.client_id}).status == 401
    for answer in (*(get_token(send, machine.client_id, one) for one in (wrong, holder)), send.token(None, {"client_id": machine.client_id})):
        assert answer.status == 429
        assert int(answer.headers["retry-after"]) > 0
    assert get_token(send, machine.client_id, holder, address=ELSEWHERE).status == 200
