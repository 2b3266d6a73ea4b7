"""manage.py revoke_signing_key KID."""

import pytest
from django.utils import timezone

from clients.models import AuditEvent
from oauth.models import SigningKey
from tests import factories


def test_stolen_key_is_gone_and_a_new_one_of_its_algorithm_signs(command):
    stolen = factories.create_signing_key("EdDSA")
    result = command("revoke_signing_key", stolen.kid, "--json").json
    stolen.refresh_from_db()
    assert (result["kid"], result["state"], result["revoked_at"]) == (stolen.kid, "revoked", stolen.revoked_at.isoformat())
    now = timezone.now()
    assert stolen not in SigningKey.objects.published(now)
    signing = SigningKey.objects.usable_for_signing(now).get()
    assert (signing.kid, signing.algorithm) == (result["signing_kid"], "EdDSA")


def test_announced_successor_signs_at_once(command):
    stolen = factories.create_signing_key()
    successor = command("rotate_signing_key", "--json").json["kid"]
    assert command("revoke_signing_key", stolen.kid, "--json").json["signing_kid"] == successor
    assert SigningKey.objects.usable_for_signing(timezone.now()).get().kid == successor
    assert SigningKey.objects.count() == 2


def test_revoking_the_announced_successor_leaves_a_key_that_signs(command):
    factories.create_signing_key()
    successor = command("rotate_signing_key", "--json").json["kid"]
    result = command("revoke_signing_key", successor, "--json").json
    assert result["kid"] == successor
    assert SigningKey.objects.get(kid=successor).state(timezone.now()) == "revoked"
    assert SigningKey.objects.get(kid=result["signing_kid"]).state(timezone.now()) == "active"


def test_revoking_a_retired_key_leaves_the_active_one(command):
    retired, active = factories.create_signing_key(), factories.create_signing_key()
    assert command("revoke_signing_key", retired.kid, "--json").json["signing_kid"] == active.kid
    assert SigningKey.objects.count() == 2


def test_revoking_again_changes_nothing(command):
    stolen = factories.create_signing_key()
    first = command("revoke_signing_key", stolen.kid, "--json").json
    events = AuditEvent.objects.count()
    assert command("revoke_signing_key", stolen.kid, "--json").json == first
    assert AuditEvent.objects.count() == events


@pytest.mark.long
def test_kid_that_begins_like_an_option_is_accepted(command):
    stolen = factories.create_signing_key("EdDSA")
    while not stolen.kid.startswith("-"):
        stolen = factories.create_signing_key("EdDSA")
    result = command("revoke_signing_key", stolen.kid, "--json").json
    assert (result["kid"], result["state"]) == (stolen.kid, "revoked")


@pytest.mark.parametrize("kid", ["", "nothing", "x" * 5000, "a\udcffb", "a\0b"])
def test_unknown_key_is_refused(refused, kid):
    factories.create_signing_key()
    refused("revoke_signing_key", kid)


def test_unknown_key_is_told_where_the_known_ones_are(refused):
    assert "The JWKS lists the keys." in refused("revoke_signing_key", "nothing")
