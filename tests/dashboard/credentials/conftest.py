"""Credentials that are used, and by whom."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from clients.models import AddressUse, Client, TokenCount


def use(credential, address="198.51.100.7", *, ago=timedelta(minutes=14), count=1):
    """Record use as a client's requests do."""
    at = timezone.now() - ago
    AddressUse.objects.create(client=credential.client, credential=credential.credential_id, address=address, day=at.date(), count=count, last_used_at=at)
    credential.last_used_at, credential.last_used_from = at, address
    credential.save(update_fields=["last_used_at", "last_used_from"])


def give_tokens(credential, count, *, left=timedelta(minutes=46)):
    TokenCount.objects.create(client=credential.client, credential=credential.credential_id, expires_at=timezone.now() + left, count=count)


def url(client, *parts):
    return "/".join([f"/w/{client.workspace.slug}/clients/{client.client_id}", *parts, ""])


@pytest.fixture
def secret(billing):
    return billing.secret


@pytest.fixture
def client_(secret):
    return secret.client


@pytest.fixture
def testing(client_):
    """Like client_, but a test client."""
    Client.objects.filter(pk=client_.pk).update(environment="test")
    client_.refresh_from_db()
    return client_


@pytest.fixture
def dana(dana):
    """With a name."""
    dana.name = "Dana Scully"
    dana.save(update_fields=["name"])
    return dana


@pytest.fixture
def key():
    return ec.generate_private_key(ec.SECP256R1())
