"""Which changes of a client weaken it."""

from datetime import timedelta

import pytest

from clients.services.client_changes import propose
from clients.services.client_fields import describe
from clients.services.clients import create_client
from clients.weakening import find_weakenings
from tests.factories import TESTS

PRESENT = {
    "auth_methods": ["client_secret_basic", "private_key_jwt", "tls_client_auth"],
    "scopes": ["read"],
    "audiences": ["https://api.example.com"],
    "allowed_networks": ["203.0.113.0/24", "2001:db8::/32"],
    "token_lifetime": timedelta(minutes=10),
    "jwks_uri": "https://billing.example.com/jwks.json",
    "tls_subject_type": "tls_client_auth_san_dns",
    "tls_subject": "billing.example.com",
    "require_dpop": True,
    "require_certificate": True,
}

WEAKER = [
    {"auth_methods": ["client_secret_basic", "private_key_jwt", "tls_client_auth", "client_secret_post"]},
    {"scopes": ["read", "write"]},
    {"audiences": ["https://api.example.com", "https://more.example.com"]},
    {"audiences": ["https://other.example.com"]},
    {"allowed_networks": []},
    {"allowed_networks": ["203.0.113.0/24", "2001:db8::/32", "198.51.100.7"]},
    {"allowed_networks": ["203.0.112.0/23"]},
    {"allowed_networks": ["::/0"]},
    {"token_lifetime": timedelta(minutes=11)},
    {"jwks_uri": "https://elsewhere.example.com/jwks.json"},
    {"tls_subject": "elsewhere.example.com"},
    {"require_dpop": False},
    {"require_certificate": False},
]
NOT_WEAKER = [
    {"auth_methods": ["tls_client_auth", "private_key_jwt"]},
    {"scopes": []},
    {"audiences": []},
    {"audiences": ["https://api.example.com", "https://localhost:8443/w/demo"]},
    {"allowed_networks": ["203.0.113.7"]},
    {"allowed_networks": ["203.0.113.128/25", "2001:db8:1::/48"]},
    {"token_lifetime": timedelta(minutes=9)},
    {"jwks_uri": ""},
    {"auth_methods": ["client_secret_basic", "private_key_jwt"], "tls_subject_type": "", "tls_subject": ""},
    {"name": "other", "description": "x", "contact": "y", "tags": ["z"]},
]


@pytest.fixture
def client(demo, now):
    return create_client(workspace=demo, name="billing", actor=TESTS, now=now, **PRESENT)


@pytest.mark.parametrize("fields", WEAKER, ids=lambda fields: f"{next(iter(fields))}-{str(next(iter(fields.values())))[:40]}")
def test_what_lets_more_in_or_makes_more_of_it_weakens(client, fields):
    assert find_weakenings(client, propose(client, **fields)) == list(fields)


def test_another_kind_of_subject_weakens(client):
    fields = {"tls_subject_type": "tls_client_auth_san_uri", "tls_subject": "spiffe://example.com/billing"}
    assert find_weakenings(client, propose(client, **fields)) == list(fields)


@pytest.mark.parametrize("fields", NOT_WEAKER, ids=lambda fields: f"{next(iter(fields))}-{str(next(iter(fields.values())))[:40]}")
def test_what_is_stricter_or_says_something_else_weakens_nothing(client, fields):
    assert find_weakenings(client, propose(client, **fields)) == []


def test_where_nothing_was_limited_a_limit_weakens_nothing(demo, now):
    open_client = create_client(workspace=demo, name="open", auth_methods=["client_secret_basic"], actor=TESTS, now=now)
    fields = {"allowed_networks": ["203.0.113.0/24"], "require_dpop": True, "require_certificate": True}
    assert find_weakenings(open_client, propose(open_client, **fields)) == []


def test_every_field_that_protects_is_looked_at(client):
    """A new one has to be settled here: it weakens, or it is one of these."""
    says = {"name", "description", "contact", "tags"}
    fixed = {"environment", "status"}
    assert set(describe(client)) - says - fixed == set(PRESENT)
