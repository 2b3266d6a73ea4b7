"""manage.py update_client CLIENT_ID: what is given changes, and nothing else."""

import pytest

from clients.models import AuditEvent, Client
from clients.services.scopes import create_scope
from tests import factories


@pytest.fixture
def client(demo, now):
    if not demo.scopes.filter(name="read").exists():
        create_scope(workspace=demo, name="read", description="", actor=factories.TESTS, now=now)
    return factories.create_client(demo, scopes=("read",), tags=["old"], allowed_networks=["192.0.2.0/24"]).secret.client


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        (["--name", "refunds"], {"name": "refunds"}),
        (["--contact", "payments@example.com", "--description", "Pays"], {"contact": "payments@example.com", "description": "Pays"}),
        (["--scope", ""], {"scopes": []}),
        (["--tag", "a", "--tag", "b"], {"tags": ["a", "b"]}),
        (["--tag", ""], {"tags": []}),
        (["--allow-ip", ""], {"allowed_networks": []}),
        (["--audience", "https://api.example.com"], {"audiences": ["https://api.example.com"]}),
        (["--token-lifetime", "600"], {"token_lifetime": 600}),
        (["--require-dpop"], {"require_dpop": True}),
        (
            ["--auth-method", "private_key_jwt", "--jwks-uri", "https://a.example.com/k"],
            {"auth_methods": ["private_key_jwt"], "jwks_uri": "https://a.example.com/k"},
        ),
        (
            ["--auth-method", "tls_client_auth", "--tls-subject", "san_dns:a.example.com"],
            {"auth_methods": ["tls_client_auth"], "tls_subject": "a.example.com", "tls_subject_type": "tls_client_auth_san_dns"},
        ),
    ],
)
def test_what_is_given_changes(command, client, arguments, changed):
    result = command("update_client", client.client_id, *arguments, "--json").json
    assert result == {"client_id": client.client_id, "changed": sorted(changed), **changed}
    client.refresh_from_db()
    assert {name: getattr(client, name) for name in changed} == changed
    event = AuditEvent.objects.first()
    assert (event.event, event.after) == ("client.changed", changed)


def test_what_is_required_can_be_dropped(command, client):
    command("update_client", client.client_id, "--require-dpop")
    assert command("update_client", client.client_id, "--no-require-dpop", "--json").json["require_dpop"] is False
    command("update_client", client.client_id, "--auth-method", "tls_client_auth", "--tls-subject", "san_dns:a.example.com")
    command("update_client", client.client_id, "--auth-method", "client_secret_basic", "--tls-subject", "")
    assert Client.objects.get().tls_subject == ""


def test_what_is_so_already_is_no_change(command, client):
    assert command("update_client", client.client_id, "--name", client.name, "--json").json == {"client_id": client.client_id, "changed": []}
    assert not AuditEvent.objects.filter(event="client.changed").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Give at least one property to change"),
        (["--name", ""], "name"),
        (["--scope", "a  b"], "isn't a scope"),
        (["--token-lifetime", "soon"], "whole number"),
        (["--tls-subject", "a.example.com"], "TYPE:VALUE"),
        (["--auth-method", "password"], "password"),
    ],
)
def test_invalid_values_are_refused(refused, client, arguments, said):
    assert said in refused("update_client", client.client_id, *arguments)
