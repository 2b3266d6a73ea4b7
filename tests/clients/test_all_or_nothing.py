"""If the audit log can't store a change's event, the change isn't written at all."""

import json
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from clients.certificate import read_certificates
from clients.hygiene import Kind
from clients.models import Client, ClientActivity, ClientCertificate, ClientPublicKey, ClientSecret, HandOver, Scope, Workspace
from clients.public_key import read_public_keys
from clients.services import client_changes, client_deletion, clients, deletion, hand_overs, hygiene, rotation, scopes, secret_ends, secrets, workspaces
from clients.services.certificates import add_certificates, revoke_certificate
from clients.services.public_keys import add_public_keys, revoke_public_key
from tests import factories
from tests.dashboard.conftest import create_certificate, create_public_key, make_certificate
from tests.public_keys import jwk

TABLES = (Workspace, Scope, Client, ClientActivity, ClientSecret, ClientPublicKey, ClientCertificate, HandOver)
DAY = timedelta(days=1)


@pytest.fixture
def things(demo, now):
    """Something to change: a client that can use every method, and an open hand-over link."""
    methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "self_signed_tls_client_auth"]
    secret = factories.create_client(demo, auth_methods=methods, now=now - 100 * DAY).secret
    ending = factories.create_secret(secret.client, lifetime=9 * DAY).secret
    link = hand_overs.create_hand_over(client=secret.client, recipient="", lifetime=DAY, secret_lifetime=None, actor=factories.TESTS, now=now)
    key, certificate = create_public_key(secret.client), create_certificate(secret.client)
    return {"workspace": demo, "client": secret.client, "ending": ending, "link": link.hand_over, "key": key, "certificate": certificate}


def _delete(client, **by):
    client_deletion.delete_client(client=client, typed_name=client.name, **by)


def _parsed():
    return read_public_keys(json.dumps(jwk()))


ACTS = {
    "create": lambda t, by: clients.create_client_with_credentials(workspace=t["workspace"], name="other", **by),
    "update": lambda t, by: client_changes.update_client(client=t["client"], name="other", **by),
    "disable": lambda t, by: clients.disable_client(client=t["client"], **by),
    "delete": lambda t, by: _delete(t["client"], **by),
    "hand to another owner": lambda t, by: clients.hand_over_clients(workspace=t["workspace"], contact="", to="ben@example.com", **by),
    "new secret": lambda t, by: secrets.create_secret(client=t["client"], **by),
    "rotate": lambda t, by: rotation.rotate_secret(client=t["client"], overlap=timedelta(), **by),
    "extend": lambda t, by: secret_ends.extend_secret(client=t["client"], secret_id=t["ending"].secret_id, expires_at=by["now"] + 20 * DAY, **by),
    "end": lambda t, by: secret_ends.end_secret(client=t["client"], secret_id=t["ending"].secret_id, **by),
    "revoke secret": lambda t, by: secrets.revoke_secret(client=t["client"], secret_id=t["ending"].secret_id, **by),
    "revoke key": lambda t, by: revoke_public_key(client=t["client"], kid=t["key"].kid, **by),
    "revoke certificate": lambda t, by: revoke_certificate(client=t["client"], thumbprint=t["certificate"].thumbprint, **by),
    "add keys": lambda t, by: add_public_keys(client=t["client"], parsed=_parsed(), allow_method=True, **by),
    "add certificates": lambda t, by: add_certificates(client=t["client"], parsed=read_certificates(make_certificate("second")), allow_method=True, **by),
    "make link": lambda t, by: hand_overs.create_hand_over(client=t["client"], recipient="", lifetime=DAY, secret_lifetime=None, **by),
    "withdraw link": lambda t, by: hand_overs.withdraw_hand_over(client=t["client"], pk=t["link"].pk, **by),
    "use link": lambda t, by: hand_overs.use_for_secret(hand_over=t["link"], is_allowed=bool, **by),
    "give key by link": lambda t, by: hand_overs.use_for_public_key(hand_over=t["link"], parsed=_parsed()[0], is_allowed=bool, **by),
    "tidy up": lambda t, by: hygiene.fix(Kind.NO_END, workspace=t["workspace"], rows=None, **by),
    "give ends": lambda t, by: secret_ends.give_ends(workspace=t["workspace"], lifetime=DAY, **by),
    "set a policy": lambda t, by: workspaces.change_workspace(workspace=t["workspace"], max_secret_lifetime_days=90, **by),
    "remove a scope": lambda t, by: scopes.remove_scope(scope=Scope.objects.get(workspace=t["workspace"], name="read"), **by),
    "delete the workspace": lambda t, by: deletion.delete_workspace(workspace=t["workspace"], typed_slug="demo", **by),
}


def rows():
    return {table.__name__: sorted(table._default_manager.values_list(), key=str) for table in TABLES}


@pytest.mark.parametrize("act", ACTS)
def test_a_change_without_its_event_is_not_made(things, now, act):
    before, by = rows(), {"actor": factories.TESTS, "now": now}
    with connection.cursor() as cursor:
        cursor.execute("CREATE TRIGGER full BEFORE INSERT ON clients_auditevent BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
    with pytest.raises(DatabaseError, match="disk is full"), transaction.atomic():
        ACTS[act](things, by)
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER full")
    assert rows() == before
    ACTS[act](things, by)
    assert rows() != before
