"""manage.py create_secret CLIENT_ID [--name N] [--expires-in DURATION]."""

from datetime import datetime, timedelta

import pytest

from clients.models import AuditEvent, ClientSecret
from clients.secret import parse
from clients.services.credential_limits import MAX_USABLE
from tests import factories


def test_further_secret_leaves_the_others_as_they_are(command, billing):
    client_id = billing.secret.client.client_id
    before = ClientSecret.objects.values().get()
    result = command("create_secret", client_id, "--json").json
    new = ClientSecret.objects.get(secret_id=result["secret_id"])
    assert result == {"client_id": client_id, "client_secret": result["client_secret"], "secret_id": new.secret_id, "expires_at": None}
    assert parse(result["client_secret"]).secret_id == new.secret_id
    assert ClientSecret.objects.values().get(pk=before["id"]) == before
    assert AuditEvent.objects.first().target_id == new.secret_id


def test_name_and_end_are_kept_and_the_end_is_in_utc(command, billing):
    result = command("create_secret", billing.secret.client.client_id, "--name", "laptop", "--expires-in", "45s", "--json").json
    new = ClientSecret.objects.first()
    assert (new.name, new.expires_at - new.created_at, new.lifetime) == ("laptop", timedelta(seconds=45), 45)
    assert datetime.fromisoformat(result["expires_at"]) == new.expires_at
    assert result["expires_at"].endswith("+00:00")


def test_table_says_that_the_secret_is_shown_once(command, billing):
    outcome = command("create_secret", billing.secret.client.client_id)
    assert outcome.stdout.count("tos_live_") == 1
    assert "can't be shown again" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--expires-in", "0"], "Choose a longer life"),
        (["--expires-in", "-5d"], "for example 90d"),
        (["--expires-in", "soon"], "for example 90d"),
        (["--expires-in", ""], "for example 90d"),
        (["--expires-in", "1d", "--expires-in", "2d"], "given twice"),
        (["--name", "x" * 101], "The secret's name has 101 characters"),
        (["--name", "a\tb"], "invisible character"),
    ],
)
def test_bad_value_is_refused(refused, billing, arguments, hint):
    assert hint in refused("create_secret", billing.secret.client.client_id, *arguments)


@pytest.mark.parametrize("client_id", ["nobody", "", "x" * 5000, "nöbody", "a\udc80b", "a\0b", "' OR 1=1 --"])
def test_unknown_client_is_refused(refused, billing, client_id):
    refused("create_secret", client_id)


def test_client_id_is_compared_to_the_letter(refused, billing):
    assert "There is no client" in refused("create_secret", billing.secret.client.client_id.swapcase())


def test_client_has_a_limited_number_of_usable_secrets(command, refused, billing):
    client = billing.secret.client
    newest = [factories.create_secret(client) for _ in range(MAX_USABLE - 1)][-1]
    assert "Revoke one" in refused("create_secret", client.client_id)
    command("revoke_secret", client.client_id, newest.secret.secret_id)
    assert command("create_secret", client.client_id).status == 0


def test_client_that_takes_no_secret_gets_none(refused, command, demo):
    client_id = command("create_client", "--workspace", "demo", "--name", "robot", "--auth-method", "private_key_jwt", "--json").json["client_id"]
    for name in ("create_secret", "rotate_secret"):
        assert "authenticates only by private_key_jwt" in refused(name, client_id)
    assert not ClientSecret.objects.exists()
