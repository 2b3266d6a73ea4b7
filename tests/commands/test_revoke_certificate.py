"""manage.py revoke_certificate CLIENT_ID THUMBPRINT."""

import subprocess
from datetime import datetime

import pytest
from django.utils import timezone

from clients.certificate import read_certificates
from clients.models import AuditEvent, ClientCertificate
from clients.services.certificates import add_certificates
from tests import factories
from tests.certificates import pem, self_signed


@pytest.fixture
def client(billing):
    return billing.secret.client


@pytest.fixture
def add(client, tmp_path):
    """Register a certificate and return its row. Its PEM is in certificate.pem."""

    def add(holder=None, client=client):
        text = pem((holder or self_signed()).certificate)
        (tmp_path / "certificate.pem").write_text(text)
        (row,) = add_certificates(client=client, parsed=read_certificates(text), actor=factories.TESTS, now=timezone.now())
        return row

    return add


def test_certificate_no_longer_works_and_the_result_says_since_when(command, client, add):
    thumbprint = add().thumbprint
    result = command("revoke_certificate", client.client_id, thumbprint, "--json").json
    row = ClientCertificate.objects.get()
    assert result == {"client_id": client.client_id, "x5t#S256": thumbprint, "revoked_at": row.revoked_at.isoformat()}
    assert not row.is_usable(timezone.now())
    event = AuditEvent.objects.first()
    assert (event.event, event.target_id, event.after["client_id"]) == ("certificate.revoked", thumbprint, client.client_id)


def test_other_certificates_keep_working(command, client, add):
    first, second = add(), add()
    command("revoke_certificate", client.client_id, first.thumbprint)
    assert ClientCertificate.objects.get(pk=second.pk).is_usable(timezone.now())


def test_revoking_again_keeps_the_first_moment_and_is_no_event(command, client, add):
    arguments = ("revoke_certificate", client.client_id, add().thumbprint, "--json")
    first = command(*arguments).json["revoked_at"]
    events = AuditEvent.objects.count()
    assert datetime.fromisoformat(command(*arguments).json["revoked_at"]) == datetime.fromisoformat(first)
    assert AuditEvent.objects.count() == events


def test_fingerprint_as_openssl_prints_it_will_do(command, client, add, tmp_path):

    row = add()
    fingerprint = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", str(tmp_path / "certificate.pem")], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert "=" in fingerprint
    for form in (fingerprint, fingerprint.partition("=")[2], fingerprint.partition("=")[2].replace(":", "").lower()):
        assert command("revoke_certificate", client.client_id, form, "--json").json["x5t#S256"] == row.thumbprint


def test_thumbprint_that_begins_with_a_hyphen_needs_no_quoting(command, client, add):
    row = add()
    for thumbprint in ("-" + "5" * 42, "--" + "a" * 41):
        ClientCertificate.objects.filter(pk=row.pk).update(thumbprint=thumbprint)
        for arguments in ([client.client_id, thumbprint, "--json"], ["--json", client.client_id, thumbprint], [client.client_id, "--json", "--", thumbprint]):
            assert command("revoke_certificate", *arguments).json["x5t#S256"] == thumbprint


def test_certificate_of_another_client_is_unknown(refused, client, add):
    stranger = factories.create_client(factories.create_workspace("other")).secret.client
    assert "has no certificate" in refused("revoke_certificate", client.client_id, add(client=stranger).thumbprint)


@pytest.mark.parametrize("thumbprint", ["", "nothing", "x" * 43, "x" * 5000, "a\udcffb", "AB:CD", "g" * 64, "-x"])
def test_unknown_or_malformed_thumbprint_is_refused(refused, client, thumbprint):
    refused("revoke_certificate", client.client_id, thumbprint)


@pytest.mark.parametrize("arguments", [[], ["nobody"], ["nobody", "x" * 43], ["a", "b", "c"]])
def test_wrong_number_of_arguments_and_unknown_client_are_refused(refused, billing, arguments):
    refused("revoke_certificate", *arguments)
