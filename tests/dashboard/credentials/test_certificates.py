"""Adding certificates: subject, names, issuer, fingerprint and validity are shown before anything is saved."""

import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from clients.models import AuditEvent, Client, ClientCertificate
from clients.services.certificates import revoke_certificate
from tests import certificates, factories
from tests.dashboard.conftest import create_certificate, text_of
from tests.dashboard.credentials.conftest import url

DAY = timedelta(days=1)
NAMES = x509.SubjectAlternativeName(
    [
        x509.DNSName("billing.example.com"),
        x509.UniformResourceIdentifier("https://billing.example.com"),
        x509.IPAddress(ip_address("192.0.2.1")),
        x509.RFC822Name("billing@example.com"),
    ]
)


def pem(**options):
    now = timezone.now()
    return certificates.pem(certificates.self_signed(**{"begins": now - DAY, "ends": now + 365 * DAY, **options}).certificate)


def page_of(client):
    return url(client, "certificates", "new")


def show(browser, client, text, **fields):
    return browser.post(page_of(client), {"credential_certificate": text, **fields})


def add(browser, client, text, **fields):
    html = show(browser, client, text).content.decode()
    entries = {
        "credential_certificate": text,
        "seen": re.search(r'name="seen" value="([^"]*)"', html)[1],
        "chosen": re.findall(r'name="chosen"\s+value="([^"]+)"\s+checked', html),
        "add": "yes",
        **({"allow_method": "yes"} if 'name="allow_method"' in html else {}),
        **fields,
    }
    return browser.post(page_of(client), entries)


def test_what_was_pasted_is_shown_with_all_that_one_compares_and_nothing_is_saved(danas, client_):
    text = pem(extensions=[NAMES])
    page = show(danas, client_, text)
    said = text_of(page)
    assert "1 certificate read" in said
    assert "Subject CN=billing-sync" in said
    assert "DNS:billing.example.com URI:https://billing.example.com IP:192.0.2.1 email:billing@example.com" in said
    assert "Issuer itself" in said
    assert re.search(r"SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2} Valid", said)
    assert "Certificate is valid from yesterday" in page.content.decode()
    assert not ClientCertificate.objects.exists()


def test_one_of_an_authority_says_which_and_of_many_names_the_first_ones_are_shown_alone_to_the_script(danas, client_):
    authority = certificates.Authority.create()
    issued = certificates.issue(authority, begins=timezone.now() - DAY, ends=timezone.now() + 90 * DAY)
    names = x509.SubjectAlternativeName([x509.DNSName(f"host-{number}.example.com") for number in range(12)])
    part = danas.post(
        page_of(client_), {"credential_certificate": certificates.pem(issued.certificate) + pem(extensions=[names])}, headers={"HX-Request": "true"}
    )
    said = text_of(part)
    assert "<h1" not in part.content.decode()
    assert "2 certificates read" in said
    assert "Issuer CN=Client CA" in said
    assert "DNS:host-9.example.com and more" in said
    assert "host-10" not in said


@pytest.mark.long
def test_the_second_step_adds_it_with_the_method_that_the_client_lacks(danas, dana, client_):
    answer = add(danas, client_, pem(), name="Gateway")
    assert answer["Location"] == url(client_)
    client_.refresh_from_db()
    assert client_.certificates.get().name == "Gateway"
    assert "self_signed_tls_client_auth" in client_.auth_methods
    events = AuditEvent.objects.filter(actor=dana.audit_name, event__in=["client.changed", "certificate.added"])
    assert events.count() == 2
    assert "Certificate added." in text_of(danas.get(answer["Location"]))


def test_a_client_whose_tokens_are_bound_to_certificates_needs_no_method_for_it(danas, client_):
    Client.objects.filter(pk=client_.pk).update(require_certificate=True)
    assert "from now on" not in text_of(show(danas, client_, pem()))
    add(danas, client_, pem())
    client_.refresh_from_db()
    assert "self_signed_tls_client_auth" not in client_.auth_methods


@pytest.mark.long
def test_several_are_added_at_once_or_those_that_one_chooses(danas, client_):
    text = pem(name="one") + pem(name="two")
    thumbprints = re.findall(r'name="chosen"\s+value="([^"]+)"', show(danas, client_, text).content.decode())
    add(danas, client_, text, chosen=thumbprints[:1])
    assert [row.thumbprint for row in client_.certificates.all()] == thumbprints[:1]
    assert "Select at least one certificate." in text_of(add(danas, client_, pem(name="three"), chosen=[]))
    page = add(danas, client_, pem(name="four") + pem(name="five"))
    assert client_.certificates.count() == 3
    assert "2 certificates added." in text_of(danas.get(page["Location"]))


def test_an_expired_one_is_refused_and_one_that_ends_within_30_days_or_begins_later_is_said_so(danas, client_):
    now = timezone.now()
    text = pem(begins=now - 30 * DAY, ends=now - DAY)
    page = add(danas, client_, text)
    assert "It expired yesterday" in text_of(page)
    assert "None of this can be added." in text_of(page)
    assert not ClientCertificate.objects.exists()
    assert "It expires tomorrow" in text_of(show(danas, client_, pem(ends=now + DAY)))
    assert "Add the next one before that." not in text_of(show(danas, client_, pem(ends=now + 31 * DAY)))
    assert "It is valid from tomorrow" in text_of(show(danas, client_, pem(begins=now + DAY)))


def test_one_that_the_client_has_or_had_can_not_be_ticked(danas, client_, now):
    text = pem()
    add(danas, client_, text)
    assert "This client already has it." in text_of(show(danas, client_, text))
    revoke_certificate(client=client_, thumbprint=client_.certificates.get().thumbprint, actor=factories.TESTS, now=now)
    assert re.search("It was revoked today [0-9:]+, and can’t be added again", text_of(show(danas, client_, text)))


def test_a_file_with_a_private_key_is_refused_and_its_uses_are_linked(danas, client_):
    holder = certificates.self_signed(begins=timezone.now() - DAY, ends=timezone.now() + DAY)
    add(danas, client_, certificates.pem(holder.certificate))
    private = holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for sent in (
        {"credential_certificate": private.decode()},
        {"credential_certificate": "", "credential_certificate_file": SimpleUploadedFile("client.pem", private)},
    ):
        page = danas.post(page_of(client_), sent)
        assert "That is a private key. It wasn’t stored." in text_of(page)
        assert "Revoke a certificate of billing-sync" in text_of(page)
        assert url(client_, "certificates", client_.certificates.get().thumbprint, "revoke") in page.content.decode()
        assert "PRIVATE KEY" not in page.content.decode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "contains no certificate in PEM"),
        ("x" * 70_000, "longer than 64 KiB"),
        ("", "Paste the certificate, or choose its file."),
    ],
    ids=["nonsense", "long", "nothing"],
)
def test_the_page_says_that_text_isnt_a_certificate(danas, client_, text, said):
    assert said in text_of(show(danas, client_, text, add="yes"))


def test_more_than_the_limit_are_refused_with_the_words_of_the_service(danas, client_, monkeypatch):
    monkeypatch.setattr("clients.services.credential_limits.MAX_USABLE", 0)
    assert "The client has 0 usable certificates. Revoke one" in text_of(add(danas, client_, pem()))


@pytest.mark.long
@pytest.mark.rfc("5280", "4.1.2.5")
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_one_that_never_ends_is_shown_and_revoked_in_every_zone(danas, client_, demo, zone):
    """It expires in the last second of the year 9999."""
    danas.cookies["__Host-zone"] = zone
    text = pem(begins=datetime(1950, 1, 1, tzinfo=UTC), ends=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert show(danas, client_, text).status_code == 200
    certificate = create_certificate(client_, text)
    for page in (f"/w/{demo.slug}/clients/", url(client_, "certificates", certificate.thumbprint, "revoke")):
        assert danas.get(page).status_code == 200
    assert "9999" in text_of(danas.get(url(client_)))
