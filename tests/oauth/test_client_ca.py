"""The operator's file of client CAs, $DATA_DIR/tls/client-ca.pem: only its current content counts."""

import os
import time
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from oauth import client_ca
from tests.certificates import Authority, issue, key_usage, pem, pem_of, with_unknown_version, with_unreadable_name
from tests.oauth.test_mtls import get_token, refusal

DAY = timedelta(days=1)
UNTRUSTED = "certificate_untrusted"


@pytest.fixture
def billing(named):
    return named("subject_dn", "CN=billing")


@pytest.fixture
def trusted(asgi, billing, ca):
    """Whether a certificate of the CA in the file gets a token now."""
    holder = issue(ca, "billing")

    def trusted():
        answer = get_token(asgi, billing.client_id, holder)
        return answer.status == 200 or refusal(answer) != UNTRUSTED

    assert trusted()
    return trusted


@pytest.mark.parametrize(
    "extensions",
    [
        [x509.BasicConstraints(ca=False, path_length=None)],
        [],
        [x509.BasicConstraints(ca=True, path_length=None), key_usage(digital_signature=True)],
        [x509.BasicConstraints(ca=True, path_length=None), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])],
    ],
    ids=["CA:false", "no CA", "may not sign certificates", "for servers only"],
)
def test_certificate_in_the_file_that_is_no_ca_for_clients_is_left_out(asgi, authorities, named, extensions, caplog):
    authority, good = Authority.create("Not a CA", extensions=extensions), Authority.create("Good CA")
    authorities(authority.certificate, good.certificate)
    program = named("subject_dn", "CN=billing")
    assert refusal(get_token(asgi, program.client_id, issue(authority, "billing"))) == "certificate_untrusted"
    assert get_token(asgi, program.client_id, issue(good, "billing")).status == 200
    assert "Certificate number 1 in" in caplog.text


@pytest.mark.parametrize("critical", [True, False])
def test_ca_that_may_only_issue_for_some_names_is_left_out(asgi, authorities, named, critical):
    constraints = x509.NameConstraints(permitted_subtrees=[x509.DNSName("example.com")], excluded_subtrees=None)
    authority = Authority.create(extensions=[x509.BasicConstraints(ca=True, path_length=None), constraints], critical=critical)
    authorities(authority.certificate)
    assert refusal(get_token(asgi, named("subject_dn", "CN=billing").client_id, issue(authority, "billing"))) == "certificate_untrusted"


def test_expired_ca_counts_no_more(asgi, authorities, named, now):
    authority = Authority.create(begins=now - 3 * DAY, ends=now - DAY)
    authorities(authority.certificate)
    assert refusal(get_token(asgi, named("subject_dn", "CN=billing").client_id, issue(authority, "billing"))) == "certificate_untrusted"


def test_file_may_hold_several_cas_also_of_one_name(asgi, authorities, named):
    cas = [Authority.create("Old CA"), Authority.create("CA"), Authority.create("CA", key=rsa.generate_private_key(65537, 2048))]
    authorities(*(one.certificate for one in cas))
    program = named("subject_dn", "CN=billing")
    for one in cas:
        assert get_token(asgi, program.client_id, issue(one, "billing")).status == 200


def test_ca_taken_out_of_the_file_counts_no_more_at_once(asgi, authorities, named):
    authority, other = Authority.create(), Authority.create("Other")
    program, holder = named("subject_dn", "CN=billing"), issue(authority, "billing")
    authorities(authority.certificate)
    assert get_token(asgi, program.client_id, holder).status == 200
    authorities(other.certificate)
    assert refusal(get_token(asgi, program.client_id, holder)) == "certificate_untrusted"
    authorities(authority.certificate)
    assert get_token(asgi, program.client_id, holder).status == 200
    client_ca.file().unlink()
    assert refusal(get_token(asgi, program.client_id, holder)) == "certificate_untrusted"


def test_certificate_in_the_file_that_cannot_be_read_is_left_out(asgi, ca, authorities, named, caplog):
    program = named("subject_dn", "CN=billing")
    authorities(with_unreadable_name(), ca.certificate)
    assert get_token(asgi, program.client_id, issue(ca, "billing")).status == 200
    assert "Certificate number 1 in" in caplog.text


def test_emptied_file_trusts_nobody(trusted, authorities, ca, caplog):
    for text in ("", "\n \n"):
        authorities(text=text)
        assert not trusted()
        assert "contains no CA in PEM, so no CA is trusted" in caplog.text
        authorities(ca.certificate)
        assert trusted()


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN CERTIFICATE-----\nMIIB",
        "prose",
        "-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n",
        "\0" * 100,
        "{}",
        "-----BEGIN X509 CRL-----\n",
    ],
)
def test_file_in_which_no_certificate_can_be_read_trusts_nobody(trusted, authorities, text, caplog):
    """Somebody who overwrites the file wants its old content to count no longer."""
    authorities(text=text)
    assert not trusted()
    assert "ERROR" in {record.levelname for record in caplog.records}
    assert "so no CA is trusted" in caplog.text


def test_certificate_of_an_unknown_version_trusts_nobody(trusted, authorities, ca):
    authorities(text=pem_of(with_unknown_version(ca.der)))
    assert not trusted()


def test_half_written_file_counts_as_far_as_it_is_written(trusted, authorities, ca, caplog):
    other = pem(Authority.create("Other").certificate)
    authorities(ca.certificate, text=other[:300])
    assert trusted()
    assert "Certificate number 2 in" in caplog.text
    authorities(text=other + pem(ca.certificate)[:300])
    assert not trusted()


def test_damaged_certificate_costs_no_other_its_trust(trusted, authorities, ca, caplog):
    authorities(text=pem(Authority.create("Other").certificate).replace("\nMII", "\nMI!") + pem(ca.certificate))
    assert trusted()
    assert "Certificate number 1 in" in caplog.text


def test_what_openssl_writes_around_a_certificate_does_no_harm(trusted, authorities, ca):
    authorities(text="# Ours, until 2030 – Büro\r\nsubject=CN = Client CA\r\n" + pem(ca.certificate).replace("\n", "\r\n") + "\r\n")
    assert trusted()


@pytest.mark.parametrize(
    ("form", "encryption"),
    [
        (PrivateFormat.PKCS8, NoEncryption()),
        (PrivateFormat.PKCS8, BestAvailableEncryption(b"password")),
        (PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        (PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"password")),
        (PrivateFormat.OpenSSH, NoEncryption()),
    ],
    ids=["PKCS 8", "PKCS 8 encrypted", "SEC 1", "SEC 1 encrypted", "OpenSSH"],
)
def test_private_key_in_the_file_is_compromised_and_the_file_trusts_nobody(trusted, authorities, ca, caplog, form, encryption):
    key = ca.key.private_bytes(Encoding.PEM, form, encryption).decode()
    for text in (key + pem(ca.certificate), pem(ca.certificate) + key, pem(ca.certificate) + key[:100]):
        caplog.clear()
        authorities(text=text)
        assert not trusted()
        (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
        assert "a private key, so that key is compromised" in record.getMessage()
        assert key.splitlines()[1] not in caplog.text
    authorities(ca.certificate)
    assert trusted()


def test_der_trusts_nobody(trusted, ca, caplog):
    for content, said in ((ca.der, "in PEM"), (ca.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), "compromised")):
        client_ca.file().write_bytes(content)
        assert not trusted()
        assert said in caplog.text


def test_file_that_cannot_be_opened_trusts_nobody_and_says_so_once(trusted, ca, caplog):
    client_ca.file().unlink()
    client_ca.file().mkdir()
    try:
        for _ in range(3):
            assert not trusted()
    finally:
        client_ca.file().rmdir()
    assert caplog.text.count("can't be read") == 1
    client_ca.file().write_text(pem(ca.certificate))
    assert trusted()


def test_change_that_hides_is_seen(trusted, ca):
    """A copy that keeps the file's size and time, as rsync --inplace --times makes it."""
    other, file = Authority.create(), client_ca.file()
    content = pem(ca.certificate)
    changed = pem(other.certificate)[: len(content)].ljust(len(content))
    before = file.stat()
    time.sleep(0.05)
    file.write_text(changed)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert not trusted()


def test_each_content_is_complained_about_once(trusted, authorities, caplog):
    authorities(text="prose")
    for _ in range(3):
        assert not trusted()
    assert caplog.text.count("so no CA is trusted") == 1
