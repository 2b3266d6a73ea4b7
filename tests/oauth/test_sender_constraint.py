"""Tokens that are bound to a client certificate, RFC 8705 §3, alone and together with a key."""

import hashlib
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.utils import timezone

from clients.certificate import read_certificates
from clients.models import Client, ClientCertificate
from clients.services.certificates import add_certificates, revoke_certificate
from clients.services.client_changes import update_client
from clients.services.secrets import revoke_secret
from oauth import client_ca
from tests.certificates import Authority, issue, pem, pem_of, self_signed
from tests.factories import TESTS
from tests.oauth.conftest import reason_of
from tests.oauth.doors import DPOP_CHALLENGE, Answer, Sender, bearer
from tests.oauth.proofs import ISSUER, Key, base64url, key, new_key


def certificate_of(key: Key) -> bytes:
    """Self-signed, in DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = timezone.now()
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.private.public_key()).serial_number(1)
    certificate = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1)).sign(key.private, SHA256())
    return certificate.public_bytes(Encoding.DER)


MINE, OTHERS = certificate_of(key()), certificate_of(new_key())
X5T = base64url(hashlib.sha256(MINE).digest())

WHOAMI = "/api/v1/whoami"
VERIFY = "/gateway/demo/verify"
RESOURCES = [WHOAMI, VERIFY]


@pytest.fixture
def certified(billing, now):
    """A client with a secret that must have its tokens bound to a certificate, which is registered."""
    Client.objects.filter(pk=billing.client.pk).update(require_certificate=True)
    register(billing.client, MINE, now)
    return billing


def register(client, der, now):
    return add_certificates(client=client, parsed=read_certificates(pem_of(der)), actor=TESTS, now=now)[0]


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def assert_refused(answer: Answer, reason: str) -> None:
    assert answer.error == (401, "invalid_token")
    assert 'error="invalid_token"' in answer.challenges
    assert reason_of(answer.request_id) == reason


def get_token(send: Sender, authorization: str, **options: Any) -> dict[str, Any]:
    answer = send.token(authorization, certificate=MINE, **options)
    assert answer.status == 200
    token: dict[str, Any] = answer.json()
    return token


@pytest.mark.rfc("8705", "3")
@pytest.mark.rfc("8705", "3.1")
@pytest.mark.rfc("8705", "3.2")
def test_token_is_bound_to_the_certificate_of_the_connection_and_good_with_the_same_only(send, certified):
    token = get_token(send, certified.basic)
    presented, cnf = bearer(token["access_token"]), {"x5t#S256": X5T}
    assert (token["token_type"], claims_of(token["access_token"])["cnf"]) == ("Bearer", cnf)
    introspected = send.post("/oauth2/introspect", {"token": token["access_token"]}, certified.basic).json()
    assert (introspected["active"], introspected["token_type"], introspected["cnf"]) == (True, "Bearer", cnf)
    for path in RESOURCES:
        assert send.get(path, presented, certificate=MINE).status == 200
        assert_refused(send.get(path, presented, certificate=OTHERS), "certificate_mismatch")
        answer = send.get(path, presented)
        assert_refused(answer, "certificate_mismatch")
        assert answer.challenges.endswith(f", {DPOP_CHALLENGE}")
    without = send.token(certified.basic)
    assert without.error == (401, "invalid_client")
    assert reason_of(without.request_id) == "certificate_required"


def test_neither_a_thiefs_own_certificate_nor_an_expired_one_is_of_help_with_a_stolen_secret(send, certified, eves, now):
    """Neither an unregistered one nor another client's."""
    for der in (OTHERS, self_signed().der):
        answer = send.token(certified.basic, certificate=der)
        assert answer.error == (401, "invalid_client")
        assert reason_of(answer.request_id) == "certificate_untrusted"
    register(eves.client, OTHERS, now)
    assert reason_of(send.token(certified.basic, certificate=OTHERS).request_id) == "certificate_untrusted"
    # From a proxy it doesn't even count as one.
    assert reason_of(send.token(certified.basic, certificate=b"garbled").request_id) in ("certificate_malformed", "certificate_required")
    certified.client.certificates.update(expires_at=now - timedelta(seconds=1))
    assert reason_of(send.token(certified.basic, certificate=MINE).request_id) == "certificate_expired"


@pytest.fixture
def authority(settings):
    """The operator's CA."""
    authority = Authority.create()
    file = client_ca.file()
    file.parent.mkdir(exist_ok=True)
    file.write_text(pem(authority.certificate))
    yield authority
    file.unlink()


def test_certificate_of_an_operators_ca_binds_where_it_names_the_client(send, billing, authority, now):
    subject = {"tls_subject_type": "tls_client_auth_subject_dn", "tls_subject": "CN=billing"}
    update_client(client=billing.client, require_certificate=True, **subject, actor=TESTS, now=now)
    assert send.token(billing.basic, certificate=issue(authority, "billing").der).status == 200
    stolen = send.token(billing.basic, certificate=issue(authority, "somebody-else").der)
    assert stolen.error == (401, "invalid_client")
    assert reason_of(stolen.request_id) == "certificate_subject"
    # The certificate alone is no authentication.
    assert send.token(None, {"client_id": billing.client_id}, certificate=issue(authority, "billing").der).error == (401, "invalid_client")


@pytest.mark.apart
def test_token_that_a_secret_obtained_dies_with_it_and_not_with_the_ca_of_the_certificate(send, billing, authority, now):
    """The certificate authenticated nobody, and without it the token is as useless as before."""
    subject = {"tls_subject_type": "tls_client_auth_subject_dn", "tls_subject": "CN=billing"}
    update_client(client=billing.client, require_certificate=True, **subject, actor=TESTS, now=now)
    held = issue(authority, "billing").der
    token = send.token(billing.basic, certificate=held).json()["access_token"]
    client_ca.file().write_text("")
    assert send.get("/api/v1/whoami", bearer(token), certificate=held).status == 200
    assert send.get("/api/v1/whoami", bearer(token)).status == 401
    assert send.token(billing.basic, certificate=held).error == (401, "invalid_client")
    revoke_secret(client=billing.client, secret_id=billing.secret_id, actor=TESTS, now=now)
    assert send.get("/api/v1/whoami", bearer(token), certificate=held).status == 401


def test_certificate_of_an_operators_ca_that_nobody_gave_to_the_client_is_no_help_with_a_stolen_secret(send, certified, authority):
    answer = send.token(certified.basic, certificate=issue(authority, "billing-sync").der)
    assert answer.error == (401, "invalid_client")
    assert reason_of(answer.request_id) == "certificate_unknown"


def test_revoked_certificate_binds_nothing_and_ends_what_it_bound(send, certified, eves, now):
    """Not if somebody else registered and revoked it as well: it is public."""
    token = get_token(send, certified.basic)["access_token"]
    register(eves.client, MINE, now)
    revoke_certificate(client=eves.client, thumbprint=X5T, actor=TESTS, now=now)
    assert send.get(WHOAMI, bearer(token), certificate=MINE).status == 200
    assert send.token(certified.basic, certificate=MINE).status == 200
    revoke_certificate(client=certified.client, thumbprint=X5T, actor=TESTS, now=now)
    assert_refused(send.get(WHOAMI, bearer(token), certificate=MINE), "certificate_revoked")
    assert send.post("/oauth2/introspect", {"token": token}, certified.basic).json() == {"active": False}
    assert reason_of(send.token(certified.basic, certificate=MINE).request_id) == "certificate_revoked"


@pytest.mark.rfc("8705", "3")
@pytest.mark.parametrize("path", RESOURCES)
def test_bound_token_ends_with_its_certificate(send, billing, now, path):
    """Whatever the row says, the certificate itself has expired."""
    Client.objects.filter(pk=billing.client.pk).update(require_certificate=True)
    ended = self_signed(ends=now - timedelta(seconds=1), begins=now - timedelta(days=1)).der
    thumbprint = base64url(hashlib.sha256(ended).digest())
    ClientCertificate.objects.create(
        client=billing.client, thumbprint=thumbprint, certificate=pem_of(ended), valid_from=now - timedelta(days=1), created_at=now
    )
    token = send.token(billing.basic, certificate=ended).json()["access_token"]
    assert_refused(send.get(path, bearer(token), certificate=ended), "certificate_expired")


def test_certificate_of_a_client_that_authenticates_otherwise_binds_nothing_until_it_must_and_then_earlier_tokens_no_longer_work(send, billing):
    token = get_token(send, billing.basic)["access_token"]
    assert "cnf" not in claims_of(token)
    Client.objects.filter(pk=billing.client.pk).update(require_certificate=True)
    assert_refused(send.get(WHOAMI, bearer(token), certificate=MINE), "token_not_bound")


def test_secret_of_a_client_that_must_show_one_is_no_credential_here(send, certified):
    for path in RESOURCES:
        for authorization, error in ((certified.basic, "invalid_client"), (bearer(certified.secret), "invalid_token")):
            for certificate in (None, MINE):
                answer = send.get(path, authorization, certificate=certificate)
                assert answer.error == (401, error)
                assert reason_of(answer.request_id) == "bound_token_required"


@pytest.mark.rfc("9449", "7.1")
@pytest.mark.parametrize("path", RESOURCES)
def test_token_may_be_bound_to_both_and_then_needs_both(send, certified, path):
    token = get_token(send, certified.basic, headers=key().sent())
    assert token["token_type"] == "DPoP"
    presented = token["access_token"]
    assert claims_of(presented)["cnf"] == {"x5t#S256": X5T, "jkt": key().jkt}

    def use(*, certificate: bytes | None, headers: dict[str, str]) -> Answer:
        return send.get(path, f"DPoP {presented}", certificate=certificate, headers=headers)

    def proof() -> dict[str, str]:
        return key().sent("GET", ISSUER + path, token=presented)

    assert use(certificate=MINE, headers=proof()).status == 200
    assert_refused(use(certificate=OTHERS, headers=proof()), "certificate_mismatch")
    assert_refused(use(certificate=None, headers=proof()), "certificate_mismatch")
    assert use(certificate=MINE, headers={}).error == (401, "invalid_dpop_proof")
    assert_refused(send.get(path, bearer(presented), certificate=MINE), "dpop_token_as_bearer")


def test_one_binding_does_not_do_where_the_client_must_have_the_other(send, billing):
    for required, options in (("require_dpop", {"certificate": MINE}), ("require_certificate", {"headers": key().sent()})):
        Client.objects.filter(pk=billing.client.pk).update(require_dpop=required == "require_dpop", require_certificate=required != "require_dpop")
        assert send.token(billing.basic, **options).error in ((400, "invalid_dpop_proof"), (401, "invalid_client"))


@pytest.mark.parametrize(("had", "must"), [("require_certificate", "require_dpop"), ("require_dpop", "require_certificate")])
def test_token_that_is_bound_to_the_other_no_longer_works(send, billing, now, had, must):
    register(billing.client, MINE, now)
    Client.objects.filter(pk=billing.client.pk).update(**{had: True})
    token = get_token(send, billing.basic, headers=key().sent() if had == "require_dpop" else {})["access_token"]
    Client.objects.filter(pk=billing.client.pk).update(**{had: False, must: True})
    scheme = "DPoP" if had == "require_dpop" else "Bearer"
    headers = key().sent("GET", ISSUER + WHOAMI, token=token) if had == "require_dpop" else {}
    assert_refused(send.get(WHOAMI, f"{scheme} {token}", headers=headers, certificate=MINE), "token_not_bound")
