"""manage.py add_certificate CLIENT_ID FILE [--name N]."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from django.utils import timezone

from clients.models import AuditEvent, Client, ClientCertificate
from clients.services import credential_limits
from tests import factories
from tests.certificates import pem, self_signed


@pytest.fixture
def file(tmp_path):
    def write(*holders, text=""):
        path = tmp_path / "certificates.pem"
        path.write_text("".join(pem(holder.certificate) for holder in holders) + text)
        return str(path)

    return write


@pytest.fixture
def client_id(demo):
    """The ID of a client that may use certificates."""
    return factories.create_client(demo, auth_methods=["self_signed_tls_client_auth"]).secret.client.client_id


def test_certificate_is_registered_and_the_result_shows_it(command, file, client_id):
    ends = datetime(2046, 1, 1, tzinfo=UTC)
    result = command("add_certificate", client_id, file(self_signed("billing", ends=ends)), "--name", "new", "--json").json
    row = ClientCertificate.objects.get()
    assert result["client_id"] == client_id
    assert result["auth_methods"] == row.client.auth_methods
    assert "warnings" not in result
    assert result["certificates"] == [
        {"x5t#S256": row.thumbprint, "subject": "CN=billing", "valid_from": row.valid_from.isoformat(), "expires_at": "2046-01-01T00:00:00+00:00"}
    ]
    assert (row.name, row.client.client_id, row.expires_at) == ("new", client_id, ends)
    assert row.created_by.startswith("command:")


def test_certificate_itself_is_kept_and_nothing_else_of_the_file(command, file, client_id):
    holder = self_signed()
    command("add_certificate", client_id, file(holder, text="\n\n"))
    assert ClientCertificate.objects.get().certificate == pem(holder.certificate)


def test_each_certificate_writes_an_event(command, file, client_id):
    command("add_certificate", client_id, file(self_signed("a"), self_signed("b")))
    events = AuditEvent.objects.filter(event="certificate.added").order_by("id")
    assert [event.after["subject"] for event in events] == ["CN=a", "CN=b"]
    assert {event.target_id for event in events} == set(ClientCertificate.objects.values_list("thumbprint", flat=True))
    assert {event.after["client_id"] for event in events} == {client_id}


def test_table_shows_the_thumbprint(command, file, client_id):
    outcome = command("add_certificate", client_id, file(self_signed()))
    assert ClientCertificate.objects.get().thumbprint in outcome.stdout
    assert "x5t#S256" in outcome.stdout


def test_client_that_may_not_use_certificates_gets_it_with_a_warning(command, file, billing):
    client = billing.secret.client
    [warning] = command("add_certificate", client.client_id, file(self_signed()), "--json").json["warnings"]
    assert "may not use self_signed_tls_client_auth" in warning
    assert "Warning: " in command("add_certificate", client.client_id, file(self_signed())).stdout
    # Its tokens may have to be bound to it, however it authenticates.
    Client.objects.filter(pk=client.pk).update(require_certificate=True)
    assert "warnings" not in command("add_certificate", client.client_id, file(self_signed()), "--json").json


def test_key_of_a_registered_certificate_is_told_with_the_command_that_revokes_it(refused, command, file, tmp_path, client_id, demo):
    holder = self_signed()
    command("add_certificate", client_id, file(self_signed("another"), holder))
    certificate, key = holder.write(tmp_path)
    thumbprint = ClientCertificate.objects.get(subject="CN=billing-sync").thumbprint
    (tmp_path / "both.pem").write_text(Path(certificate).read_text() + Path(key).read_text())
    other = factories.create_client(demo).secret.client.client_id
    for line in (refused("add_certificate", client_id, str(tmp_path / "both.pem")), refused("add_public_key", other, key)):
        assert f"It is the key of certificate {thumbprint} of {client_id}. Revoke it now: “.venv/bin/python manage.py revoke_certificate " in line
        assert line.endswith(f"{client_id} {thumbprint}”.")


def test_two_clients_may_have_the_same(command, file, client_id, demo):
    holder = self_signed()
    other = factories.create_client(demo).secret.client
    for one in (client_id, other.client_id):
        assert command("add_certificate", one, file(holder)).status == 0


def test_long_subject_is_cut(command, file, client_id):
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "u" * 60) for _ in range(20)])
    command("add_certificate", client_id, file(self_signed(name)))
    assert len(ClientCertificate.objects.get().subject) == 500


def test_known_certificate_is_refused_and_with_it_the_file(refused, command, file, client_id):
    holder = self_signed()
    command("add_certificate", client_id, file(holder))
    assert "already" in refused("add_certificate", client_id, file(self_signed("b"), holder))


def test_revoked_certificate_does_not_come_back(refused, command, file, client_id):
    holder = self_signed()
    command("add_certificate", client_id, file(holder))
    command("revoke_certificate", client_id, ClientCertificate.objects.get().thumbprint)
    assert "was revoked" in refused("add_certificate", client_id, file(holder))


def test_expired_certificate_is_refused(refused, file, client_id):
    ended = timezone.now() - timedelta(minutes=1)
    assert "expired on" in refused("add_certificate", client_id, file(self_signed(begins=ended - timedelta(days=1), ends=ended)))


def test_certificate_of_tomorrow_is_registered_today(command, file, client_id):
    tomorrow = timezone.now() + timedelta(days=1)
    assert command("add_certificate", client_id, file(self_signed(begins=tomorrow))).status == 0


def test_fifty_usable_ones_are_the_most(refused, command, file, client_id, monkeypatch):
    monkeypatch.setattr(credential_limits, "MAX_USABLE", 2)
    command("add_certificate", client_id, file(self_signed("a"), self_signed("b")))
    assert "Revoke one" in refused("add_certificate", client_id, file(self_signed("c")))
    command("revoke_certificate", client_id, ClientCertificate.objects.first().thumbprint)
    assert command("add_certificate", client_id, file(self_signed("c"))).status == 0


def test_private_key_is_compromised_and_not_repeated(refused, tmp_path, client_id):
    certificate, key = self_signed().write(tmp_path)
    secret = Path(key).read_text()
    (tmp_path / "both.pem").write_text(Path(certificate).read_text() + secret)
    for name in (key, str(tmp_path / "both.pem")):
        line = refused("add_certificate", client_id, name)
        assert "compromised" in line
        assert secret.splitlines()[1][:16] not in line


def test_der_is_refused_with_the_command_that_converts_it(refused, tmp_path, client_id):
    (tmp_path / "certificate.der").write_bytes(self_signed().der)
    assert "binary" in refused("add_certificate", client_id, str(tmp_path / "certificate.der"))


@pytest.mark.parametrize("name", ["/nowhere", "/", "/dev/null", "/dev/zero", "a" * 5000, ""])
def test_file_that_cant_be_read_or_holds_nothing_is_refused(refused, client_id, name):
    refused("add_certificate", client_id, name)


@pytest.mark.parametrize("name", ["n" * 101, "a\nb"])
def test_invalid_name_is_refused(refused, file, client_id, name):
    assert "name" in refused("add_certificate", client_id, file(self_signed()), "--name", name)


@pytest.mark.parametrize("arguments", [[], ["nobody"], ["nobody", "/dev/null"], ["a", "b", "c"]])
def test_wrong_number_of_arguments_and_unknown_client_are_refused(refused, billing, arguments):
    refused("add_certificate", *arguments)


def test_private_jwk_is_called_compromised(refused, client_id, tmp_path):
    path = tmp_path / "key.jwk"
    path.write_text('{"kty":"EC","crv":"P-256","x":"a","y":"b","d" : "c"}')
    assert "Treat it as compromised" in refused("add_certificate", client_id, str(path))
