"""A public key or certificate of another client of the workspace is refused. Creating a client with one is in tests/dashboard/create/test_create_client.py."""

import pytest
from django.utils import timezone

from clients.models import ClientPublicKey
from clients.public_key import read_key
from tests import factories
from tests.dashboard.conftest import text_of
from tests.dashboard.credentials import test_certificates
from tests.dashboard.credentials.test_public_keys import add, pem_of, show


def test_a_key_of_another_client_is_refused_with_its_name(danas, client_, key):
    other = factories.create_client(client_.workspace, name="route-planner").secret.client
    add(danas, other, pem_of(key))
    assert "This key belongs to route-planner. Use a separate key for each client." in text_of(show(danas, client_, pem_of(key)))


@pytest.mark.long
def test_keys_in_other_workspaces_dont_count(danas, client_, other, key):
    theirs = factories.create_client(other).secret.client
    ClientPublicKey.objects.create(
        client=theirs, kid="x", thumbprint=read_key(key.public_key()).thumbprint, public_jwk={}, created_at=timezone.now(), created_by="x"
    )
    assert "not used elsewhere" in text_of(show(danas, client_, pem_of(key)))


def test_a_certificate_of_another_client_is_refused_with_its_name(danas, client_):
    text = test_certificates.pem()
    test_certificates.add(danas, factories.create_client(client_.workspace, name="route-planner").secret.client, text)
    assert "This certificate belongs to route-planner. Use a separate certificate for each client." in text_of(test_certificates.show(danas, client_, text))
