"""An address from which a live client is used for the first time is noticed, once, and by one job for all pages that show it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import AddressUse, ClientActivity
from clients.services.new_addresses import note_new_addresses
from dashboard.background import schedule
from tests.factories import create_client

HOME, ELSEWHERE = "203.0.113.24", "192.0.2.201"


@pytest.fixture
def noon():
    """Far enough from midnight for the test to stay within one day."""
    return timezone.now().replace(hour=12)


def make(workspace, noon, *, age=30, **fields):
    client = create_client(workspace, now=noon - timedelta(days=age), **fields).secret.client
    ClientActivity.objects.update_or_create(client=client, defaults={"workspace": workspace})
    return client


def use(client, address, noon, *, days_ago=0, credential="one"):
    at = noon - timedelta(days=days_ago)
    AddressUse.objects.create(client=client, credential=credential, address=address, day=at.date(), count=1, last_used_at=at)


def noted_of(client):
    activity = ClientActivity.objects.get(client=client)
    return activity.new_address, activity.new_address_at


def test_an_address_that_was_never_seen_is_noted_once_whatever_the_credential_and_another_one_takes_its_place(workspace, noon):
    client = make(workspace, noon)
    use(client, HOME, noon, days_ago=20, credential="old")
    use(client, HOME, noon, credential="new")
    assert note_new_addresses(now=noon) == 0
    yesterday = noon - timedelta(days=1)
    use(client, "192.0.2.1", yesterday)
    assert note_new_addresses(now=yesterday) == 1
    use(client, ELSEWHERE, noon)
    assert note_new_addresses(now=noon) == 1
    assert noted_of(client) == (ELSEWHERE, noon)
    assert note_new_addresses(now=noon + timedelta(minutes=5)) == 0
    assert noted_of(client) == (ELSEWHERE, noon)


def test_of_several_on_a_day_always_the_same_one_is_noted(workspace, noon):
    client = make(workspace, noon)
    for address in ("192.0.2.7", "192.0.2.3", "192.0.2.5"):
        use(client, address, noon)
    assert note_new_addresses(now=noon) == 1
    assert note_new_addresses(now=noon) == 0
    assert noted_of(client)[0] == "192.0.2.3"


def test_what_was_used_just_before_midnight_is_noted_after_it(workspace, noon):
    client, night = make(workspace, noon), noon.replace(hour=0, minute=5)
    use(client, ELSEWHERE, night - timedelta(minutes=10))
    assert note_new_addresses(now=night) == 1


def test_of_a_test_client_and_of_a_new_one_every_address_is_fine(workspace, noon):
    for client in (make(workspace, noon, environment="test"), make(workspace, noon, age=6)):
        use(client, ELSEWHERE, noon)
    assert note_new_addresses(now=noon) == 0


def test_one_process_does_it_every_five_minutes(workspace):
    now = timezone.now()
    client = make(workspace, now)
    use(client, ELSEWHERE, now)
    schedule.note_new_addresses_if_due()
    assert noted_of(client)[0] == ELSEWHERE
    ClientActivity.objects.update(new_address=None, new_address_at=None)
    schedule.note_new_addresses_if_due()
    assert noted_of(client)[0] is None
