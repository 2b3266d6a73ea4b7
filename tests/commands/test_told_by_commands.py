"""Commands send the same mail as pages."""

import json

import pytest
from django.core import mail as outbox

from dashboard.instance import mail
from tests import factories
from tests.certificates import pem, self_signed
from tests.dashboard.conftest import create_certificate, create_public_key
from tests.dashboard.credentials.conftest import give_tokens, use
from tests.public_keys import jwk

OWNER = "payments@example.com"
METHODS = ["client_secret_basic", "private_key_jwt", "self_signed_tls_client_auth"]


@pytest.fixture
def client_(demo):
    return factories.create_client(demo, contact=OWNER, auth_methods=METHODS).secret.client


@pytest.fixture
def told():
    """The recipients, and the subjects."""
    mail.wait_until_sent()
    outbox.outbox.clear()

    def told(address):
        mail.wait_until_sent()
        # Several threads send mail at once.
        return sorted(message.subject for message in outbox.outbox if message.to == [address])

    return told


def test_an_additional_secret_is_announced(command, client_, told):
    assert command("create_secret", client_.client_id).status == 0
    assert told(OWNER) == ["A secret was added: billing-sync"]
    [message] = outbox.outbox
    assert ", by a command, in Demo." in message.body


def test_a_rotation_is_announced(command, client_, told):
    old = client_.secrets.get()
    assert command("rotate_secret", client_.client_id, "--overlap", "1h").status == 0
    assert told(OWNER) == [f"Secret {old.secret_id} was rotated: billing-sync"]
    assert ", by a command." in outbox.outbox[0].body


def test_an_added_public_key_is_announced(command, client_, told, tmp_path):
    (tmp_path / "key").write_text(json.dumps(jwk()))
    assert command("add_public_key", client_.client_id, str(tmp_path / "key")).status == 0
    assert told(OWNER) == ["A public key was added: billing-sync"]


def test_an_added_certificate_is_announced(command, client_, told, tmp_path):
    (tmp_path / "certificate").write_text(pem(self_signed().certificate))
    assert command("add_certificate", client_.client_id, str(tmp_path / "certificate")).status == 0
    assert told(OWNER) == ["A certificate was added: billing-sync"]


def test_a_revoked_secret_is_announced_with_who_used_it(command, client_, told):
    secret = client_.secrets.get()
    use(secret)
    give_tokens(secret, 3)
    assert command("revoke_secret", client_.client_id, secret.secret_id).status == 0
    subject = f"Secret {secret.secret_id} was revoked: billing-sync"
    assert told(OWNER) == told("ada@example.com") == [subject]
    for text in ("by a command.", "3 tokens ended with it.", "- 198.51.100.7, 1 time in 7 days", "billing-sync has no other credential"):
        assert text in outbox.outbox[0].body


def test_an_ended_secret_is_announced(command, client_, told):
    secret = client_.secrets.get()
    give_tokens(secret, 3)
    assert command("end_secret", client_.client_id, secret.secret_id).status == 0
    assert told(OWNER) == [f"Secret {secret.secret_id} was ended: billing-sync"]
    assert "3 tokens issued with it stay valid until they expire." in outbox.outbox[0].body


def test_a_revoked_public_key_is_announced(command, client_, told):
    key = create_public_key(client_)
    assert command("revoke_public_key", client_.client_id, key.kid).status == 0
    assert told(OWNER)[-1:] == ["Public key laptop was revoked: billing-sync"]


def test_a_revoked_certificate_is_announced(command, client_, told):
    certificate = create_certificate(client_)
    assert command("revoke_certificate", client_.client_id, certificate.thumbprint).status == 0
    assert told(OWNER)[-1:] == [f"Certificate {certificate.thumbprint} was revoked: billing-sync"]


def test_a_credential_that_had_ended_before_is_not_announced(command, client_, told):
    secret = client_.secrets.get()
    for name in ("end_secret", "end_secret", "revoke_secret", "revoke_secret", "end_secret"):
        assert command(name, client_.client_id, secret.secret_id).status == 0
    assert told(OWNER) == [f"Secret {secret.secret_id} was {act}: billing-sync" for act in ("ended", "revoked")]


def test_disabling_and_enabling_a_client_are_announced(command, client_, told):
    assert command("disable_client", client_.client_id).status == 0
    assert command("enable_client", client_.client_id).status == 0
    assert told(OWNER) == ["A client was disabled: billing-sync", "A client was enabled: billing-sync"]


def test_a_new_owner_of_a_client_is_announced(command, client_, told):
    assert command("update_client", client_.client_id, "--contact", "routes@example.com").status == 0
    assert told(OWNER) == told("routes@example.com") == ["Owner changed: billing-sync"]


def test_an_unchanged_state_is_not_announced(command, client_, told):
    assert command("enable_client", client_.client_id).status == 0
    assert told(OWNER) == []


def test_a_deleted_client_is_announced(command, client_, told):
    assert command("delete_client", client_.client_id, "--confirm", "billing-sync").status == 0
    assert told(OWNER) == ["A client was deleted: billing-sync", "A client was disabled: billing-sync"]


def test_credentials_of_a_new_client_are_not_announced(command, demo, told):
    assert command("create_client", "--workspace", "demo", "--name", "new", "--contact", OWNER).status == 0
    assert told(OWNER) == []


@pytest.mark.usefixtures("demo")
class TestAdministrators:
    def test_administrators_hear_if_one_is_added_or_removed(self, command, told):
        factories.create_user("olga@example.com", is_instance_admin=True)
        assert command("promote", "ada@example.com").status == 0
        assert command("demote", "ada@example.com").status == 0
        assert told("olga@example.com") == ["A new administrator: ada@example.com", "An administrator was removed: ada@example.com"]
        assert ", by a command" in "".join(message.body for message in outbox.outbox)
