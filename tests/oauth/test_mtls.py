"""Client authentication with a certificate, RFC 8705 §2: both methods, through both doors. The file of the operator's CAs is in
test_client_ca.py, what a handshake adds in tests/servers/test_mtls.py.
"""

import json
from base64 import urlsafe_b64decode
from datetime import timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings

from clients.certificate import read_certificates
from clients.models import Client, ClientCertificate, RecordedRequest, UsageBucket
from clients.services import usage
from clients.services.certificates import add_certificates, revoke_certificate
from clients.services.clients import disable_client
from clients.services.workspaces import change_workspace
from tests import factories
from tests.certificates import CLIENT_AUTH, Authority, issue, key_usage, pem, self_signed, with_unknown_version
from tests.oauth.conftest import detail_of, reason_of
from tests.oauth.doors import ADDRESS, DOORS, ELSEWHERE, bearer

SELF_SIGNED, BY_CA = "self_signed_tls_client_auth", "tls_client_auth"


@pytest.fixture
def register(now):
    """Register a holder's certificate for a client."""

    def register(client, holder):
        (row,) = add_certificates(client=client, parsed=read_certificates(pem(holder.certificate)), actor=factories.TESTS, now=now)
        return row

    return register


@pytest.fixture
def machine(demo, make):
    """A client that authenticates by its registered certificate."""
    return make(demo, name="machine", auth_methods=[SELF_SIGNED])


def claims_of(token):
    return json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))


def get_token(send, client_id, holder, **rest):
    return send.token(None, {"client_id": client_id}, certificate=holder.der, **rest)


def refusal(answer):
    """The reason that the owner reads. The caller never hears more than invalid_client."""
    assert answer.error == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert "ertificate" not in answer.body.decode()
    return reason_of(answer.request_id)


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
    claims = claims_of(get_token(send, machine.client_id, holder).json()["access_token"])
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
        token = get_token(send, client.client_id, holder).json()["access_token"]
        assert claims_of(token)["sub"] == client.client_id


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


# §2.1: issued by a CA of the operator's


def san(*names):
    return (*CLIENT_AUTH, x509.SubjectAlternativeName(names))


def dn(*attributes):
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


EXAMPLE = dn((NameOID.COUNTRY_NAME, "DE"), (NameOID.ORGANIZATION_NAME, "Example, Inc."), (NameOID.COMMON_NAME, "billing"))


@pytest.mark.rfc("8705", "2.1.2")
@pytest.mark.parametrize(
    ("subject_type", "subject", "name", "extensions"),
    [
        ("subject_dn", "CN=billing,O=Example\\, Inc.,C=DE", EXAMPLE, CLIENT_AUTH),
        ("subject_dn", "CN=billing,2.5.4.10=Example\\, Inc.,C=DE", EXAMPLE, CLIENT_AUTH),
        ("subject_dn", "CN=#62696c6c696e67,O=Example\\2C Inc.,C=DE", EXAMPLE, CLIENT_AUTH),
        ("subject_dn", "emailAddress=a@example.com", dn((NameOID.EMAIL_ADDRESS, "a@example.com")), CLIENT_AUTH),
        ("subject_dn", "CN=billing", "billing", ()),
        ("subject_dn", "CN=billing", "billing", (*CLIENT_AUTH, key_usage(digital_signature=True), x509.BasicConstraints(ca=False, path_length=None))),
        ("san_dns", "billing.example.com", "x", san(x509.DNSName("other.example.com"), x509.DNSName("billing.example.com"))),
        ("san_dns", "Billing.Example.com", "x", san(x509.DNSName("billing.exAmple.com"))),
        ("san_uri", "spiffe://example.com/billing", "x", san(x509.UniformResourceIdentifier("spiffe://example.com/billing"))),
        ("san_ip", "203.0.113.7", "x", san(x509.IPAddress(ip_address("203.0.113.7")))),
        ("san_ip", "2001:DB8:0::7", "x", san(x509.IPAddress(ip_address("2001:db8::7")))),
        ("san_email", "Billing@Example.com", "x", san(x509.RFC822Name("Billing@exAMple.com"))),
    ],
)
def test_certificate_that_names_the_client_gets_a_token(send, ca, named, subject_type, subject, name, extensions):
    program, holder = named(subject_type, subject), issue(ca, name, extensions=extensions)
    token = get_token(send, program.client_id, holder).json()["access_token"]
    assert claims_of(token)["cnf"]["x5t#S256"]


@pytest.mark.rfc("8705", "2.1.2")
@pytest.mark.parametrize(
    ("subject_type", "subject", "name", "extensions"),
    [
        ("subject_dn", "CN=billing", "Billing", CLIENT_AUTH),
        ("subject_dn", "CN=billing", "billing ", CLIENT_AUTH),
        ("subject_dn", "CN=billing", EXAMPLE, CLIENT_AUTH),
        ("subject_dn", "C=DE,O=Example\\, Inc.,CN=billing", EXAMPLE, CLIENT_AUTH),
        ("subject_dn", "CN=billing", dn((NameOID.COMMON_NAME, "billing"), (NameOID.COMMON_NAME, "evil")), CLIENT_AUTH),
        ("subject_dn", "CN=billing,O=Example", dn((NameOID.COMMON_NAME, "billing,O=Example")), CLIENT_AUTH),
        ("subject_dn", "CN=billing", "x", san(x509.DirectoryName(dn((NameOID.COMMON_NAME, "billing"))))),
        ("san_dns", "billing.example.com", "billing.example.com", CLIENT_AUTH),
        ("san_dns", "billing.example.com", "x", san(x509.DNSName("*.example.com"))),
        ("san_dns", "billing.example.com", "x", san(x509.DNSName("billing.example.com.evil.example"))),
        ("san_dns", "billing.example.com", "x", san(x509.UniformResourceIdentifier("billing.example.com"))),
        ("san_uri", "spiffe://example.com/billing", "x", san(x509.UniformResourceIdentifier("spiffe://example.com/billing/"))),
        ("san_uri", "spiffe://example.com/billing", "x", san(x509.UniformResourceIdentifier("spiffe://Example.com/billing"))),
        ("san_ip", "203.0.113.7", "x", san(x509.IPAddress(ip_address("203.0.113.8")))),
        ("san_ip", "203.0.113.7", "x", san(x509.DNSName("203.0.113.7"))),
        ("san_email", "billing@example.com", "x", san(x509.RFC822Name("Billing@example.com"))),
        ("san_email", "billing@example.com", "x", san(x509.RFC822Name("example.com"))),
        ("san_email", "billing@example.com", dn((NameOID.EMAIL_ADDRESS, "billing@example.com")), CLIENT_AUTH),
    ],
)
def test_certificate_that_names_somebody_else_is_refused(send, ca, named, subject_type, subject, name, extensions):
    program, holder = named(subject_type, subject), issue(ca, name, extensions=extensions)
    answer = get_token(send, program.client_id, holder)
    assert refusal(answer) == "certificate_subject"
    # In the words of create_client.
    assert f"doesn't have the {subject_type} {subject} " in detail_of(answer.request_id)


@pytest.mark.parametrize(
    ("subject_type", "subject"), [("", ""), ("tls_client_auth_subject_dn", "billing"), ("tls_client_auth_san_ip", "billing"), ("tls_client_auth_san_dns", "*")]
)
def test_client_whose_row_makes_no_sense_takes_no_certificate(asgi, ca, named, subject_type, subject):
    """The service writes no such row."""
    program = named("san_dns", "billing.example.com")
    Client.objects.filter(pk=program.client.pk).update(tls_subject_type=subject_type, tls_subject=subject)
    for extensions in (CLIENT_AUTH, san(x509.DNSName("billing"))):
        assert refusal(get_token(asgi, program.client_id, issue(ca, "billing", extensions=extensions))) == "certificate_subject"


def itself(ca):
    return ca


def foreign(_):
    """Another CA that calls itself the same."""
    return Authority.create("Client CA")


def intermediate(ca):
    return issue(ca, "Client CA 2", extensions=[x509.BasicConstraints(ca=True, path_length=0)])


DAY = timedelta(days=1)


@pytest.mark.rfc("8705", "2.1")
@pytest.mark.parametrize(
    ("signer", "fields", "reason"),
    [
        (None, {}, "certificate_untrusted"),
        (None, {"extensions": CLIENT_AUTH}, "certificate_untrusted"),
        (foreign, {}, "certificate_untrusted"),
        (intermediate, {}, "certificate_untrusted"),
        (itself, {"begins": -2 * DAY, "ends": -timedelta(seconds=1)}, "certificate_expired"),
        (itself, {"begins": DAY}, "certificate_not_yet_valid"),
        (itself, {"extensions": [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])]}, "certificate_unsuitable"),
        (itself, {"extensions": [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])]}, "certificate_unsuitable"),
        (itself, {"extensions": [key_usage(key_cert_sign=True)]}, "certificate_unsuitable"),
        (itself, {"extensions": [x509.BasicConstraints(ca=True, path_length=0)]}, "certificate_unsuitable"),
        (itself, {"key": ec.generate_private_key(ec.SECP224R1())}, "certificate_unsuitable"),
    ],
    ids=["self-signed", "for clients", "same name", "intermediate", "expired", "of tomorrow", "serverAuth", "any usage", "no signatures", "a CA's", "weak key"],
)
def test_certificate_outside_the_operators_trust_is_refused(send, ca, named, now, signer, fields, reason):
    fields = {name: now + value if isinstance(value, timedelta) else value for name, value in fields.items()}
    holder = self_signed("billing", **fields) if signer is None else issue(signer(ca), "billing", **fields)
    assert refusal(get_token(send, named("subject_dn", "CN=billing").client_id, holder)) == reason


def test_altered_certificate_is_refused(send, ca, named):
    """A proxy that checks nothing passes on whatever the caller sends."""
    program, der = named("subject_dn", "CN=billing"), issue(ca, "billin_").der
    altered = der.replace(b"billin_", b"billing")
    assert refusal(send.token(None, {"client_id": program.client_id}, certificate=altered)) == "certificate_untrusted"


def test_what_is_no_certificate_is_refused(asgi, ca, named):
    program = named("subject_dn", "CN=billing")
    good = issue(ca, "billing").der
    for der in (b"", b"DER", good[:-1], good + b"\0", with_unknown_version(good)):
        assert refusal(asgi.token(None, {"client_id": program.client_id}, certificate=der)) == "certificate_malformed"


def test_certificate_that_a_proxy_garbles_is_named_to_the_owner(named):
    program = named("subject_dn", "CN=billing")
    answer = DOORS["django"].token(None, {"client_id": program.client_id}, certificate=b"garbled")
    assert refusal(answer) == "certificate_malformed"


def test_registered_certificate_counts_before_its_ca(send, ca, named, register, now):
    """A client may have both methods. What is revoked isn't saved by its CA."""
    program, holder = named("subject_dn", "CN=billing", methods=[SELF_SIGNED, BY_CA]), issue(ca, "billing")
    row = register(program.client, holder)
    by_certificate, by_ca = holder, issue(ca, "billing")
    for one, kind in ((by_certificate, f"certificate:{row.thumbprint}"), (by_ca, "tls_subject:")):
        claims = claims_of(get_token(send, program.client_id, one).json()["access_token"])
        assert claims["credential_id"].startswith(kind)
    revoke_certificate(client=program.client, thumbprint=row.thumbprint, actor=factories.TESTS, now=now)
    assert refusal(get_token(send, program.client_id, holder)) == "certificate_revoked"
    assert get_token(send, program.client_id, by_ca).status == 200


def test_registered_certificate_may_be_used_by_its_ca_where_only_that_is_allowed(send, ca, named, register, now):
    program, holder = named("subject_dn", "CN=billing"), issue(ca, "billing")
    row = register(program.client, holder)
    assert get_token(send, program.client_id, holder).status == 200
    revoke_certificate(client=program.client, thumbprint=row.thumbprint, actor=factories.TESTS, now=now)
    assert refusal(get_token(send, program.client_id, holder)) == "certificate_revoked"


def test_tokens_die_with_the_subject_that_obtained_them(send, ca, named):
    program, holder = named("subject_dn", "CN=billing"), issue(ca, "billing")
    token = get_token(send, program.client_id, holder).json()["access_token"]
    ask = {"client_id": program.client_id, "token": token}
    assert send.post("/oauth2/introspect", ask, certificate=holder.der).json()["active"] is True
    Client.objects.filter(pk=program.client.pk).update(tls_subject="CN=successor")
    successor = issue(ca, "successor")
    assert send.post("/oauth2/introspect", ask, certificate=successor.der).json() == {"active": False}


def test_disabled_client_is_refused_whoever_issued_its_certificate(send, ca, named, now):
    program, holder = named("subject_dn", "CN=billing"), issue(ca, "billing")
    disable_client(client=program.client, actor=factories.TESTS, now=now)
    assert refusal(get_token(send, program.client_id, holder)) == "client_disabled"
