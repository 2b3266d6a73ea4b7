"""The credentials of a client, of every kind, in one query."""

from datetime import timedelta

import pytest

from clients.credential_list import credentials_of
from clients.models import ClientCertificate, ClientPublicKey, ClientSecret
from clients.services.secrets import revoke_secret
from tests import factories
from tests.dashboard.conftest import create_certificate, create_public_key


@pytest.fixture
def client(billing):
    return billing.secret.client


def test_every_kind_comes_in_one_query_with_what_lists_show(client, now, django_assert_num_queries):
    key, certificate, secret = create_public_key(client, name="Laptop"), create_certificate(client), client.secrets.get()
    with django_assert_num_queries(1):
        found = credentials_of(client, now=now, most=10).usable
    assert {type(row) for row in found} == {ClientSecret, ClientPublicKey, ClientCertificate}
    rows = {type(row): row for row in found}
    for kept, row in ((secret, rows[ClientSecret]), (key, rows[ClientPublicKey]), (certificate, rows[ClientCertificate])):
        for name in ("pk", "name", "created_at", "created_by", "expires_at", "revoked_at", "last_used_at", "last_used_from", "credential_id"):
            assert getattr(row, name) == getattr(kept, name), name
        assert str(row) == str(kept)
    assert rows[ClientSecret].lifetime == secret.lifetime
    assert rows[ClientPublicKey].algorithm == "ES256"
    assert rows[ClientCertificate].subject == certificate.subject
    assert rows[ClientCertificate].valid_from == certificate.valid_from


def test_usable_ones_come_first_and_the_newest_of_them(client, now):
    newer = factories.create_secret(client, lifetime=timedelta(days=1)).secret
    ended = factories.create_secret(client).secret
    factories.expire(ended)
    revoke_secret(client=client, secret_id=client.secrets.last().secret_id, actor=factories.TESTS, now=now)
    found = credentials_of(client, now=now + timedelta(seconds=1), most=10)
    assert [row.pk for row in found.usable] == [newer.pk]
    assert {row.pk for row in found.ended} == {client.secrets.last().pk, ended.pk}
    assert not found.has_more


def test_of_many_those_that_have_ended_are_left_out_first(client, now):
    usable = [client.secrets.get().pk, factories.create_secret(client).secret.pk]
    for _ in range(3):
        factories.expire(factories.create_secret(client).secret)
    found = credentials_of(client, now=now + timedelta(seconds=1), most=3)
    assert {row.pk for row in found.usable} == set(usable)
    assert (len(found.ended), found.has_more) == (1, True)


def test_other_clients_ones_are_theirs(client, demo, now):
    create_public_key(factories.create_client(demo, name="neighbour").secret.client)
    assert [row.pk for row in credentials_of(client, now=now, most=10).usable] == [client.secrets.get().pk]
