"""Failures from networks with too many addresses to count one by one: they write a limited number of rows, and keep no valid client out."""

from datetime import timedelta

import pytest

from clients.models import RecordedRequest
from oauth import unwritten_failures
from oauth.models import FailureCount
from oauth.throttling import failure_keys
from tests.oauth.doors import basic

WRONG = "tos_live_wrong"
# With 1 failure an address allowed: so many of a /56, and of a /48.
OF_56, OF_48 = 4, 16


@pytest.fixture(autouse=True)
def _limits(settings):
    settings.FAILURES_PER_ADDRESS = settings.FAILURES_PER_CLIENT = 1


def fail_from(asgi, addresses, client_id="A" * 22):
    return [asgi.token(basic(client_id, WRONG), address=address).status for address in addresses]


def of_56(count, network="2001:db8:0:0"):
    """Addresses, each in a different /64."""
    return [f"{network}{number:x}::1" for number in range(1, count + 1)]


def of_48(count):
    """Addresses, each in a different /56."""
    return [f"2001:db8:0:{number:x}00::1" for number in range(1, count + 1)]


@pytest.mark.parametrize(("addresses", "limit"), [(of_56, OF_56), (of_48, OF_48)])
def test_failures_of_many_addresses_count_for_their_network_beyond_whose_limit_nothing_more_is_written(asgi, billing, addresses, limit):
    assert fail_from(asgi, addresses(limit)) == [401] * limit
    before = list(FailureCount.objects.order_by("key").values_list()), RecordedRequest.objects.count()
    further = addresses(limit + 3)[limit:]
    assert fail_from(asgi, further) == fail_from(asgi, further, "B" * 22) == [429] * 3
    answer = asgi.token(basic("A" * 22, WRONG), address=further[0])
    assert answer.error == (429, "invalid_client")
    assert 0 < int(answer.headers["retry-after"]) <= 300
    assert (list(FailureCount.objects.order_by("key").values_list()), RecordedRequest.objects.count()) == before


def test_a_good_credential_from_such_a_network_passes_but_nobody_guesses_without_end(asgi, billing):
    """Nothing more is written about it, so each process counts by itself: otherwise an address that wasn't blocked before could try any number of secrets."""
    fail_from(asgi, of_48(OF_48 + 1))
    guesser = "2001:db8:0:ff00::5"
    assert asgi.token(billing.basic, address=guesser).status == 200
    assert fail_from(asgi, [guesser], billing.client_id) == [429]
    assert asgi.token(billing.basic, address=guesser).status == 429
    assert asgi.token(billing.basic, address="2001:db8:0:ff01::5").status == 200
    assert asgi.token(billing.basic, address="203.0.113.7").status == 200


def test_failures_that_name_no_client_count_for_their_address_alone(now):
    unwritten_failures.count(failure_keys(name="", address="2001:db8:1::1"), now=now)
    assert unwritten_failures.blocked_until(failure_keys(name="", address="2001:db8:1::2"), now=now)
    assert not unwritten_failures.blocked_until(failure_keys(name="", address="2001:db8:2::1"), now=now)


def test_what_is_counted_so_ends_with_its_window(billing, now):
    keys = failure_keys(name=billing.client_id, address="2001:db8::1")
    unwritten_failures.count(keys, now=now)
    ends = unwritten_failures.blocked_until(keys, now=now)
    assert ends == int(now.timestamp()) + 300
    assert unwritten_failures.blocked_until(keys, now=now + timedelta(seconds=300)) is None
    unwritten_failures.count(keys, now=now + timedelta(seconds=300))
    assert unwritten_failures.blocked_until(keys, now=now + timedelta(seconds=300)) == ends + 300


def test_the_number_of_counted_failures_is_limited(now, monkeypatch):
    monkeypatch.setattr(unwritten_failures, "MAX", 4)
    first, second, third = (failure_keys(name="x", address=f"2001:db8:{number}::1") for number in range(3))
    for keys in (first, second, third):
        unwritten_failures.count(keys, now=now)
    assert [unwritten_failures.blocked_until(keys, now=now) is None for keys in (first, second, third)] == [True, False, False]


def test_another_network_is_not_concerned(asgi, billing):
    fail_from(asgi, of_56(OF_56 + 1))
    assert fail_from(asgi, ["2001:db8:0:100::1", "203.0.113.7"]) == [401, 401]
    fail_from(asgi, of_48(OF_48 + 1))
    assert fail_from(asgi, ["2001:db8:1::1", "203.0.113.8"]) == [401, 401]


def test_of_requests_that_name_no_client_few_are_kept_whatever_their_addresses(asgi, billing):
    fail_from(asgi, ["198.51.100.1"])
    assert FailureCount.objects.filter(key="kept of strangers client nobody").update(failures=199) == 1
    assert fail_from(asgi, ["198.51.100.2", "198.51.100.3"]) == [401, 401]
    assert RecordedRequest.objects.filter(client=None).count() == 2


def test_once_enough_is_kept_no_failure_waits_for_the_row_that_all_share(asgi, billing):
    shared = FailureCount.objects.filter(key__startswith="kept of ")
    fail_from(asgi, ["203.0.113.1"], billing.client_id)
    fail_from(asgi, ["203.0.113.2"])
    shared.update(failures=1000)
    fail_from(asgi, ["203.0.113.3"], billing.client_id)
    fail_from(asgi, ["203.0.113.4"])
    assert asgi.post("/oauth2/token", {}, basic(billing.client_id, "x"), address="203.0.113.5").status == 400
    assert set(shared.values_list("failures", flat=True)) == {1000}


def test_of_a_client_that_is_named_from_everywhere_not_more_is_kept_than_can_be_read(asgi, billing):
    """They are still counted."""
    fail_from(asgi, ["203.0.113.1"], billing.client_id)
    FailureCount.objects.filter(key=f"kept of strangers client {billing.client.pk}").update(failures=1000)
    fail_from(asgi, ["203.0.113.2", "203.0.113.3"], billing.client_id)
    assert asgi.post("/oauth2/token", {}, basic(billing.client_id, "x"), address="203.0.113.4").status == 400
    assert RecordedRequest.objects.filter(client=billing.client).count() == 1
    assert FailureCount.objects.filter(key="203.0.113.3").exists()


def test_of_a_workspace_not_more_is_kept_in_a_day_than_the_disk_holds(asgi, billing, make, demo, now):
    """Whichever of its clients a stranger names. Its own clients' mistakes are still kept."""
    other, malformed = make(demo), {"grant_typ": "x"}
    asgi.post("/oauth2/token", malformed | {"client_id": billing.client_id}, address="203.0.113.1")
    counted = FailureCount.objects.get(key=f"kept of strangers {demo.pk}")
    assert (counted.failures, counted.window_ends - int(now.timestamp()) > 86_000) == (1, True)
    FailureCount.objects.filter(pk=counted.pk).update(failures=10_000)
    for client_id in (billing.client_id, other.client_id):
        asgi.post("/oauth2/token", malformed | {"client_id": client_id}, address="203.0.113.2")
    assert RecordedRequest.objects.filter(workspace=demo).count() == 1
    asgi.post("/oauth2/token", {"grant_type": "password"}, billing.basic, address="203.0.113.3")
    assert RecordedRequest.objects.filter(workspace=demo).count() == 2
    FailureCount.objects.filter(key=f"kept of known {demo.pk}").update(failures=50_000)
    asgi.post("/oauth2/token", {"grant_type": "password"}, billing.basic, address="203.0.113.4")
    assert RecordedRequest.objects.filter(workspace=demo).count() == 2


@pytest.mark.parametrize(
    "ask_as",
    [
        lambda name: (basic(name, ""), ()),
        lambda name: (None, {"client_id": name, "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion": "x"}),
    ],
)
def test_made_up_names_write_nothing_once_their_address_has_to_wait(asgi, billing, ask_as):
    assert asgi.token(*ask_as("A" * 22)).status == 401
    before = FailureCount.objects.count()
    assert {asgi.token(*ask_as(f"{number:022}")).status for number in range(3)} == {429}
    assert FailureCount.objects.count() == before
