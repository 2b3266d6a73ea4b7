"""From where the credentials of a client are used."""

from datetime import timedelta

import pytest

from clients.models import AddressUse
from clients.places_of_use import places_of


@pytest.fixture
def client(billing):
    return billing.secret.client


@pytest.fixture
def use(client, now):
    def use(credential, address, *, days=0, count=1):
        at = now - timedelta(days=days)
        AddressUse.objects.create(client=client, credential=credential, address=address, day=at.date(), count=count, last_used_at=at)

    return use


def test_each_credential_is_told_with_each_address_and_the_last_use_first(client, use, now, django_assert_num_queries):
    use("a", "203.0.113.1", days=2, count=3)
    use("a", "203.0.113.1", days=1, count=4)
    use("b", "203.0.113.1", count=5)
    use("a", "203.0.113.2", days=40)
    with django_assert_num_queries(1):
        found = places_of(client, since=now - timedelta(days=30), now=now)
    assert [(place.credential, place.address, place.count) for place in found] == [("b", "203.0.113.1", 5), ("a", "203.0.113.1", 7)]


def test_an_address_is_new_to_an_old_client_for_a_week(client, use, now, django_assert_num_queries):
    use("a", "203.0.113.1", days=60)
    use("b", "203.0.113.1")
    use("a", "203.0.113.2")
    since = now - timedelta(days=30)
    assert not any(place.is_new for place in places_of(client, since=since, now=now))
    client.created_at = now - timedelta(days=90)
    with django_assert_num_queries(1):
        found = places_of(client, since=since, now=now)
    assert {place.address: place.is_new for place in found} == {"203.0.113.1": False, "203.0.113.2": True}


def test_one_that_nobody_uses_is_used_nowhere(client, now):
    client.created_at = now - timedelta(days=90)
    assert places_of(client, since=now - timedelta(days=30), now=now) == []
