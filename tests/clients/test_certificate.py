"""Certificates as files hold them: what may be registered, and what is refused and why."""

import base64
import subprocess
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from django.core.exceptions import ValidationError

from clients.certificate import read_certificates
from tests.certificates import Authority, issue, key_usage, pem, pem_of, self_signed, with_unknown_version
from tests.public_keys import private, private_pem


def block(label, der):
    return f"-----BEGIN {label}-----\n{base64.b64encode(der).decode()}\n-----END {label}-----\n"


def der_of(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def refusal(text):
    with pytest.raises(ValidationError) as caught:
        read_certificates(text)
    assert len(caught.value.messages) == 1
    return caught.value


@pytest.mark.rfc("8705", "3.1")
def test_thumbprint_subject_and_times_are_those_of_the_certificate():
    begins, ends = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
    certificate = self_signed("billing,\tsync", begins=begins, ends=ends).certificate
    (parsed,) = read_certificates(pem(certificate))
    assert parsed.thumbprint == base64.urlsafe_b64encode(sha256(der_of(certificate)).digest()).rstrip(b"=").decode()
    assert parsed.subject == "CN=billing\\,\N{REPLACEMENT CHARACTER}sync"
    assert (parsed.valid_from, parsed.expires_at) == (begins, ends)
    assert x509.load_pem_x509_certificate(parsed.pem.encode()) == certificate


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
        ed448.Ed448PrivateKey.generate(),
        private("RSA-2048"),
    ],
    ids=["P-256", "P-384", "P-521", "Ed25519", "Ed448", "RSA-2048"],
)
def test_good_keys_of_every_kind_are_accepted(key):
    assert len(read_certificates(pem(self_signed(key=key).certificate))) == 1


@pytest.mark.parametrize(
    "extensions",
    [
        [x509.BasicConstraints(ca=True, path_length=None)],
        [x509.BasicConstraints(ca=False, path_length=None)],
        [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])],
        [key_usage(digital_signature=True)],
        [key_usage(key_agreement=True)],
    ],
    ids=["CA:true", "CA:false", "serverAuth and clientAuth", "digitalSignature", "keyAgreement"],
)
def test_usual_extensions_of_a_self_signed_certificate_are_accepted(extensions):
    assert len(read_certificates(pem(self_signed(extensions=extensions).certificate))) == 1


def test_several_certificates_come_in_the_order_of_the_file():
    certificates = [self_signed(name, extensions=[x509.BasicConstraints(ca=True, path_length=None)]).certificate for name in ("a", "b", "c")]
    assert [one.subject for one in read_certificates("\r\n" + "\r\n".join(map(pem, certificates)))] == ["CN=a", "CN=b", "CN=c"]


def test_ten_are_accepted_and_eleven_refused():
    text = [pem(self_signed(str(number)).certificate) for number in range(11)]
    assert len(read_certificates("".join(text[:10]))) == 10
    assert refusal("".join(text)).code == "too_many_certificates"


def test_certificate_issued_by_a_ca_is_accepted_without_its_chain():
    authority = Authority.create()
    issued = issue(authority, "billing-sync").certificate
    assert read_certificates(pem(issued))[0].subject == "CN=billing-sync"
    assert refusal(pem(issued) + pem(authority.certificate)).code == "authority_certificate"


def test_certificate_of_an_intermediate_ca_is_refused():
    intermediate = issue(Authority.create(), "intermediate", extensions=[x509.BasicConstraints(ca=True, path_length=0)]).certificate
    assert refusal(pem(intermediate)).code == "authority_certificate"


@pytest.mark.parametrize("label", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"])
def test_private_key_is_compromised_and_not_repeated(label):
    body = base64.b64encode(b"the secret half" * 9).decode()
    refused = refusal(pem(self_signed().certificate) + f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    assert refused.code == "private_key"
    assert "compromised" in refused.message
    assert body[:8] not in refused.message


GOOD = self_signed().certificate
DER = der_of(GOOD)
PEM = pem(GOOD)
PUBLIC_KEY = GOOD.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
REQUEST = (
    x509.CertificateSigningRequestBuilder()
    .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")]))
    .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    .public_bytes(serialization.Encoding.PEM)
    .decode()
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_a_certificate"),
        ("\0" * 100, "not_a_certificate"),
        (DER.decode("latin-1"), "not_a_certificate"),
        (base64.b64encode(DER).decode(), "not_a_certificate"),
        (PUBLIC_KEY, "not_a_certificate"),
        (pem_of(with_unknown_version(DER)), "malformed_certificate"),
        (REQUEST, "not_a_certificate"),
        (PEM + PUBLIC_KEY, "not_a_certificate"),
        (block("TRUSTED CERTIFICATE", DER), "not_a_certificate"),
        (pkcs7.serialize_certificates([GOOD], serialization.Encoding.PEM).decode(), "not_a_certificate"),
        (PEM.replace("-----END CERTIFICATE-----", ""), "not_a_certificate"),
        (PEM.replace("-----END CERTIFICATE-----", "-----END X509 CERTIFICATE-----"), "not_a_certificate"),
        (PEM + "rubbish", "trailing_data"),
        ("rubbish\n" + PEM, "trailing_data"),
        (PEM + "-----BEGIN CERTIFICATE-----\n" + PEM.splitlines()[1], "trailing_data"),
        (PEM + "\0", "trailing_data"),
        (PEM + " " * 65536, "too_long"),
        (block("CERTIFICATE", DER[:-1]), "malformed_certificate"),
        (block("CERTIFICATE", DER + b"\0"), "malformed_certificate"),
        (block("CERTIFICATE", DER + DER), "malformed_certificate"),
        (block("CERTIFICATE", b""), "malformed_certificate"),
        (block("CERTIFICATE", b"\x30\x00"), "malformed_certificate"),
        (PEM.replace("MI", "M*I", 1), "malformed_certificate"),
        ("-----BEGIN CERTIFICATE-----\nMIIBAA==MIIB\n-----END CERTIFICATE-----\n", "malformed_certificate"),
        (PEM + PEM, "repeated_certificate"),
    ],
)
def test_what_is_not_exactly_certificates_in_pem_is_refused(text, code):
    assert refusal(text).code == code


def with_bytes(certificate, old, new):
    """The certificate with one spot of its DER altered. Its signature is then wrong, but nothing checks it before that spot."""
    der = der_of(certificate)
    assert old in der
    return block("CERTIFICATE", der.replace(old, new))


SHA256_WITH_ECDSA = bytes.fromhex("2a8648ce3d040302")
UNKNOWN_CRITICAL = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (lambda: pem(self_signed(key=ec.generate_private_key(ec.SECP256K1())).certificate), "weak_key"),
        (lambda: pem(self_signed(key=ec.generate_private_key(ec.SECP224R1())).certificate), "weak_key"),
        (lambda: pem(self_signed(key=dsa.generate_private_key(2048)).certificate), "weak_key"),
        # The OID of ecPublicKey becomes one that nobody knows.
        (lambda: with_bytes(GOOD, bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d027f")), "weak_key"),
        (lambda: with_bytes(GOOD, SHA256_WITH_ECDSA, bytes.fromhex("2a8648ce3d04037f")), "weak_signature"),
        (lambda: pem(self_signed(extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])]).certificate), "wrong_key_usage"),
        (lambda: pem(self_signed(extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])]).certificate), "wrong_key_usage"),
        (lambda: pem(self_signed(extensions=[key_usage(key_cert_sign=True, crl_sign=True)]).certificate), "wrong_key_usage"),
        (lambda: pem(self_signed(extensions=[UNKNOWN_CRITICAL], critical=True).certificate), "unknown_extension"),
    ],
    ids=["secp256k1", "P-224", "DSA", "unknown key", "unknown signature", "serverAuth only", "anyExtendedKeyUsage only", "signs certificates only", "critical"],
)
def test_certificate_that_no_handshake_would_take_is_refused(text, code):
    assert refusal(text()).code == code


def test_extension_that_is_not_critical_may_be_unknown():
    assert len(read_certificates(pem(self_signed(extensions=[UNKNOWN_CRITICAL]).certificate))) == 1


def test_of_certificates_by_openssl_the_usual_are_accepted_and_the_weak_refused(tmp_path):
    """cryptography refuses to make weak ones."""
    (tmp_path / "openssl.cnf").write_text("[req]\ndistinguished_name=dn\n[dn]\n")

    def openssl(bits, *arguments):
        (tmp_path / "key.pem").write_text(private_pem(f"RSA-{bits}", serialization.PrivateFormat.PKCS8))
        command = ["openssl", "req", "-x509", "-subj", "/CN=weak", "-config", "openssl.cnf", "-key", "key.pem", *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60).stdout

    assert read_certificates(openssl(2048))[0].subject == "CN=weak"
    for bits, digest, code, words in (
        (1024, "-sha256", "weak_key", "1024 bits"),
        (2048, "-sha1", "weak_signature", "SHA1"),
        (2048, "-md5", "weak_signature", "MD5"),
    ):
        refused = refusal(openssl(bits, digest))
        assert refused.code == code
        assert words in refused.message


def test_huge_rsa_key_is_refused(tmp_path):
    """It would slow down every handshake."""
    key = rsa.RSAPublicNumbers(65537, (1 << 8200) + 1).public_key()
    signer = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "huge")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key).serial_number(7)
    certificate = builder.not_valid_before(datetime(2026, 1, 1)).not_valid_after(datetime(2036, 1, 1)).sign(signer, hashes.SHA256())  # noqa: DTZ001
    assert refusal(pem(certificate)).code == "weak_key"
