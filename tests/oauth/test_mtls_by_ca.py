"""Client authentication by a certificate of a CA of the operator's, RFC 8705 §2.1."""

from datetime import timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clients.models import Client
from clients.services.certificates import revoke_certificate
from clients.services.clients import disable_client
from tests import factories
from tests.certificates import CLIENT_AUTH, Authority, issue, key_usage, self_signed, with_unknown_version
from tests.oauth.certified import BY_CA, SELF_SIGNED, get_token, refusal
from tests.oauth.conftest import detail_of
from tests.oauth.doors import DOORS

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
    assert get_token(send, program.client_id, holder).claims["cnf"]["x5t#S256"]


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
    """Services don't write such a row."""
    program = named("san_dns", "billing.example.com")
    Client.objects.filter(pk=program.client.pk).update(tls_subject_type=subject_type, tls_subject=subject)
    for extensions in (CLIENT_AUTH, san(x509.DNSName("billing"))):
        assert refusal(get_token(asgi, program.client_id, issue(ca, "billing", extensions=extensions))) == "certificate_subject"


def itself(ca):
    return ca


def foreign(_):
    """Another CA with the same name."""
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


def test_anything_but_a_certificate_is_refused(asgi, ca, named):
    program = named("subject_dn", "CN=billing")
    good = issue(ca, "billing").der
    for der in (b"", b"DER", good[:-1], good + b"\0", with_unknown_version(good)):
        assert refusal(asgi.token(None, {"client_id": program.client_id}, certificate=der)) == "certificate_malformed"


def test_certificate_that_a_proxy_garbles_is_named_to_the_owner(named):
    program = named("subject_dn", "CN=billing")
    answer = DOORS["django"].token(None, {"client_id": program.client_id}, certificate=b"garbled")
    assert refusal(answer) == "certificate_malformed"


def test_registered_certificate_counts_before_its_ca(send, ca, named, register, now):
    """A client may have both methods. The CA doesn't save a revoked certificate."""
    program, holder = named("subject_dn", "CN=billing", methods=[SELF_SIGNED, BY_CA]), issue(ca, "billing")
    row = register(program.client, holder)
    by_certificate, by_ca = holder, issue(ca, "billing")
    for one, kind in ((by_certificate, f"certificate:{row.thumbprint}"), (by_ca, "tls_subject:")):
        claims = get_token(send, program.client_id, one).claims
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


def test_tokens_stop_working_if_their_subject_is_changed(send, ca, named):
    program, holder = named("subject_dn", "CN=billing"), issue(ca, "billing")
    token = get_token(send, program.client_id, holder).json()["access_token"]
    ask = {"client_id": program.client_id, "token": token}
    assert send.post("/oauth2/introspect", ask, certificate=holder.der).json()["active"] is True
    Client.objects.filter(pk=program.client.pk).update(tls_subject="CN=successor")
    successor = issue(ca, "successor")
    assert send.post("/oauth2/introspect", ask, certificate=successor.der).json() == {"active": False}


def test_a_disabled_client_is_refused_with_any_certificate(send, ca, named, now):
    program, holder = named("subject_dn", "CN=billing"), issue(ca, "billing")
    disable_client(client=program.client, actor=factories.TESTS, now=now)
    assert refusal(get_token(send, program.client_id, holder)) == "client_disabled"
