"""manage.py revoke_secret CLIENT_ID SECRET_ID."""

from datetime import datetime

import pytest
from django.utils import timezone

from clients.models import AuditEvent, ClientSecret
from tests import factories


def test_secret_no_longer_works_and_the_result_says_since_when(command, billing):
    client_id, secret_id = billing.secret.client.client_id, billing.secret.secret_id
    result = command("revoke_secret", client_id, secret_id, "--json").json
    secret = ClientSecret.objects.get()
    assert result == {"client_id": client_id, "secret_id": secret_id, "revoked_at": secret.revoked_at.isoformat()}
    assert not secret.is_usable(timezone.now())
    assert AuditEvent.objects.first().event == "secret.revoked"


def test_other_secrets_keep_working(command, billing):
    further = factories.create_secret(billing.secret.client).secret
    command("revoke_secret", billing.secret.client.client_id, billing.secret.secret_id)
    assert ClientSecret.objects.get(pk=further.pk).is_usable(timezone.now())


def test_revoking_again_keeps_the_first_moment_and_is_no_event(command, billing):
    arguments = ("revoke_secret", billing.secret.client.client_id, billing.secret.secret_id, "--json")
    first = command(*arguments).json["revoked_at"]
    events = AuditEvent.objects.count()
    assert datetime.fromisoformat(command(*arguments).json["revoked_at"]) == datetime.fromisoformat(first)
    assert AuditEvent.objects.count() == events


def test_secret_of_another_client_is_unknown(refused, demo, billing):
    stranger = factories.create_client(factories.create_workspace("other"))
    assert "has no secret" in refused("revoke_secret", billing.secret.client.client_id, stranger.secret.secret_id)


@pytest.mark.parametrize("secret_id", ["", "nothing", "x" * 5000, "a\udcffb"])
def test_unknown_secret_is_refused(refused, billing, secret_id):
    refused("revoke_secret", billing.secret.client.client_id, secret_id)


@pytest.mark.parametrize("arguments", [[], ["nobody"], ["nobody", "secret"], ["a", "b", "c"]])
def test_wrong_number_of_arguments_and_unknown_client_are_refused(refused, billing, arguments):
    refused("revoke_secret", *arguments)
