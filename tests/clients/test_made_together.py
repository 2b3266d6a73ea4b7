"""What is written together with a new client or secret: in one transaction, so that both are there or neither."""

import pytest
from django.utils import timezone

from clients.models import AuditEvent, Client, ClientSecret
from clients.services.clients import create_client_with_credentials
from clients.services.rotation import rotate_secret
from clients.services.secrets import create_secret
from tests import factories
from tests.kept_rows import kept


class StoppedError(Exception):
    pass


def stop(made):
    raise StoppedError


@pytest.fixture
def client(demo):
    return kept(lambda: factories.create_client(demo).secret.client)


def test_it_learns_what_was_made(demo, client):
    seen = []
    now = timezone.now()
    new = create_client_with_credentials(workspace=demo, name="robot", actor=factories.TESTS, now=now, also=seen.append)
    assert seen == [new]
    secret = create_secret(client=client, actor=factories.TESTS, now=now, also=seen.append)
    assert seen[1] == secret
    rotated = rotate_secret(client=client, actor=factories.TESTS, now=now, also=seen.append)
    assert seen[2].secret == rotated.secret


@pytest.mark.parametrize("make", [create_secret, rotate_secret])
def test_a_secret_isnt_made_where_it_fails(client, make):
    before = list(ClientSecret.objects.values_list("secret_id", "expires_at")), AuditEvent.objects.count()
    with pytest.raises(StoppedError):
        make(client=client, actor=factories.TESTS, now=timezone.now(), also=stop)
    assert (list(ClientSecret.objects.values_list("secret_id", "expires_at")), AuditEvent.objects.count()) == before


def test_a_client_isnt_made_where_it_fails(demo):
    with pytest.raises(StoppedError):
        create_client_with_credentials(workspace=demo, name="robot", actor=factories.TESTS, now=timezone.now(), also=stop)
    assert not Client.objects.exists()
    assert not AuditEvent.objects.filter(event="client.created").exists()
