"""manage.py revoke_public_key CLIENT_ID KID."""

import json
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from clients.models import AuditEvent, ClientPublicKey
from clients.public_key import read_public_keys
from clients.services import public_keys
from tests import factories
from tests.public_keys import jwk, to_jwk


def add(new, *jwks):
    parsed = read_public_keys(json.dumps({"keys": list(jwks)}))
    return public_keys.add_public_keys(client=new.secret.client, parsed=parsed, actor=factories.TESTS, now=timezone.now())


def test_key_no_longer_works_and_the_result_says_since_when(command, billing):
    add(billing, jwk(kid="first"), jwk("P-384", kid="second"))
    client_id = billing.secret.client.client_id
    result = command("revoke_public_key", client_id, "first", "--json").json
    first, second = ClientPublicKey.objects.order_by("pk")
    assert result == {"client_id": client_id, "kid": "first", "revoked_at": first.revoked_at.isoformat()}
    assert (first.is_usable(timezone.now()), second.is_usable(timezone.now())) == (False, True)
    event = AuditEvent.objects.first()
    assert (event.event, event.target_type, event.target_id) == ("public_key.revoked", "public_key", "first")
    assert (event.before, event.after) == ({"revoked_at": None}, {"client_id": client_id, "revoked_at": first.revoked_at.isoformat()})


def test_revoking_again_keeps_the_first_moment_and_is_no_event(command, billing):
    add(billing, jwk(kid="first"))
    arguments = ("revoke_public_key", billing.secret.client.client_id, "first", "--json")
    first = command(*arguments).json["revoked_at"]
    events = AuditEvent.objects.count()
    assert datetime.fromisoformat(command(*arguments).json["revoked_at"]) == datetime.fromisoformat(first)
    assert AuditEvent.objects.count() == events


@pytest.mark.long
def test_kid_that_begins_like_an_option_is_accepted(command, billing):
    kid = ""
    while not kid.startswith("-"):
        (row,) = add(billing, to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
        kid = row.kid
        if not kid.startswith("-"):
            row.delete()
    assert command("revoke_public_key", billing.secret.client.client_id, kid, "--json").json["kid"] == kid


def test_key_of_another_client_is_unknown(refused, billing):
    add(factories.create_client(factories.create_workspace("other")), jwk(kid="first"))
    assert "has no public key “first”. It has none." in refused("revoke_public_key", billing.secret.client.client_id, "first")


@pytest.mark.parametrize("kid", ["", "nothing", "x" * 5000, "a\udcffb"])
def test_unknown_key_is_refused(refused, billing, kid):
    refused("revoke_public_key", billing.secret.client.client_id, kid)


@pytest.mark.parametrize("arguments", [[], ["nobody"], ["nobody", "first"], ["a", "b", "c"]])
def test_wrong_number_of_arguments_and_unknown_client_are_refused(refused, billing, arguments):
    refused("revoke_public_key", *arguments)
