"""How long the keys that a client publishes at its jwks_uri are kept, and who waits while they are read."""

import json
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from oauth import fetch, jwks_uri, published_copies
from oauth.errors import TemporarilyUnavailableError
from oauth.jwks_uri import find_keys
from oauth.log_quota import LogQuota
from oauth.lookup import find_by_key
from oauth.registration import RegisteredClient
from oauth.throttling import failure_keys
from tests.oauth.hosts import Answer, Host, publish, respond
from tests.oauth.proofs import new_key


@pytest.fixture
def registered(publisher, now) -> RegisteredClient:
    """As the database has it."""
    found = find_by_key(client_id=publisher.client_id, kid="", failure_keys=failure_keys(name="", address=""), now=now)
    assert found.client is not None
    return found.client


# How long it is kept


def find(registered, publisher, now, kid=None):
    return find_keys(registered, kid=publisher.kid if kid is None else kid, algorithm="ES256", now=now)


def test_copy_counts_for_five_minutes(registered, publisher, host, now):
    for seconds in (0, 1, 299):
        assert [one.kid for one in find(registered, publisher, now + timedelta(seconds=seconds)).keys] == [publisher.kid]
    assert len(host.requests) == 1
    assert find(registered, publisher, now + timedelta(seconds=300)).keys
    assert len(host.requests) == 2


def test_unknown_kid_has_it_read_once_more_and_then_not_for_half_a_minute(registered, publisher, host, now):
    find(registered, publisher, now)
    late = new_key()
    host.answer = publish(publisher.key, late)
    assert [one.kid for one in find(registered, publisher, now, late.jkt).keys] == [late.jkt]
    for seconds in (0, 15, 29):
        found = find(registered, publisher, now + timedelta(seconds=seconds), "nobody's")
        assert (found.keys, found.problem) == ([], None)
    assert len(host.requests) == 2
    find(registered, publisher, now + timedelta(seconds=30), "nobody's")
    assert len(host.requests) == 3


def test_key_that_disappears_stops_with_the_copy(registered, publisher, host, now):
    find(registered, publisher, now)
    host.answer = publish(new_key())
    assert find(registered, publisher, now + timedelta(minutes=4)).keys
    assert not find(registered, publisher, now + timedelta(minutes=6)).keys


def test_last_good_copy_counts_for_a_day_while_the_host_is_down(registered, publisher, host, now):
    find(registered, publisher, now)
    host.answer = respond("", "503 Service Unavailable")
    for hours in (1, 23):
        found = find(registered, publisher, now + timedelta(hours=hours))
        assert ([one.kid for one in found.keys], found.problem) == ([publisher.kid], None)
    lost = find(registered, publisher, now + timedelta(hours=24))
    assert lost.keys == []
    assert lost.problem is not None
    assert lost.problem.code == "jwks_uri_unavailable"
    host.answer = publish(publisher.key)
    assert find(registered, publisher, now + timedelta(hours=25)).keys


def test_host_that_fails_is_left_alone_for_half_a_minute(registered, publisher, host, now):
    host.answer = respond("", "500 Internal Server Error")
    for seconds in (0, 29):
        problem = find(registered, publisher, now + timedelta(seconds=seconds)).problem
        assert problem is not None
        assert "status 500" in problem.sentence
    assert len(host.requests) == 1
    host.answer = publish(publisher.key)
    assert find(registered, publisher, now + timedelta(seconds=30)).keys
    assert len(host.requests) == 2


def test_host_that_goes_on_failing_is_left_alone_for_longer_up_to_five_minutes(registered, publisher, host, now):
    host.answer = respond("", "500 Internal Server Error")
    asked_at = [second for second in range(0, 1500, 10) if _is_asked(registered, publisher, host, now + timedelta(seconds=second))]
    assert asked_at == [0, 30, 90, 210, 450, 750, 1050, 1350]
    host.answer = publish(publisher.key)
    assert find(registered, publisher, now + timedelta(seconds=1650)).keys
    host.answer = respond("", "500 Internal Server Error")
    asked_again = [second for second in range(1960, 2060, 10) if _is_asked(registered, publisher, host, now + timedelta(seconds=second))]
    assert asked_again == [1960, 1990, 2050]


def _is_asked(registered, publisher, host, moment):
    before = len(host.requests)
    find(registered, publisher, moment)
    return len(host.requests) > before


def test_host_that_takes_too_long_is_left_alone_with_all_of_its_uris(registered, publisher, host, now, monkeypatch):
    """For that workspace, longer each time. The last copy keeps counting."""
    find(registered._replace(jwks_uri=host.uri + "?known"), publisher, now)
    monkeypatch.setattr(fetch, "TIMEOUT", 0.1)
    host.answer = lambda _: time.sleep(1)
    asked_at = []
    for second in range(600, 900, 10):
        moment = now + timedelta(seconds=second)
        problem = find(registered._replace(jwks_uri=f"{host.uri}?{second}"), publisher, moment).problem
        assert problem is not None
        assert problem.code == "jwks_uri_unavailable"
        if "took longer than" in problem.sentence:
            asked_at.append(second)
        assert find(registered._replace(jwks_uri=host.uri + "?known"), publisher, moment).keys
    assert asked_at == [600, 630, 690, 810]
    monkeypatch.setattr(fetch, "TIMEOUT", 30)
    host.answer = publish(publisher.key)
    elsewhere = registered._replace(workspace_pk=registered.workspace_pk + 1)
    assert find(elsewhere, publisher, now + timedelta(seconds=900)).keys
    for second in (1050, 1051):
        assert find(registered._replace(jwks_uri=f"{host.uri}?{second}"), publisher, now + timedelta(seconds=second)).keys


@pytest.mark.long
def test_slow_uri_of_a_colleague_keeps_no_key_alive_that_was_taken_out(registered, publisher, host, now, monkeypatch):
    """At the same host, which is therefore backed off for longer and longer. The client's own URI answers."""
    find(registered, publisher, now)
    asked_at = []
    for second in range(290, 1000, 10):
        with monkeypatch.context() as patched:
            # Enough for the request to come there.
            patched.setattr(fetch, "TIMEOUT", 1)
            host.answer = lambda _: time.sleep(2)
            if _is_asked(registered._replace(jwks_uri=host.uri + "?slow"), publisher, host, now + timedelta(seconds=second)):
                asked_at.append(second)
        host.answer = publish(new_key())
        before = len(host.requests)
        found = find(registered, publisher, now + timedelta(seconds=second))
        assert bool(found.keys) == (second < 900), second
        if second <= 900:
            assert (len(host.requests) > before) == (second == 900), second
    assert asked_at == [290, 320, 380, 500, 740]


@pytest.mark.long
def test_copy_of_a_uri_that_is_slow_itself_goes_on_counting_while_its_host_is_left_alone(registered, publisher, host, now, monkeypatch):
    find(registered, publisher, now)
    monkeypatch.setattr(fetch, "TIMEOUT", 0.1)
    host.answer = lambda _: time.sleep(1)
    for minutes in range(10, 20):
        assert find(registered, publisher, now + timedelta(minutes=minutes)).keys
    assert find(registered, publisher, now + timedelta(hours=23)).keys


def test_a_copy_counts_a_while_longer_if_no_thread_is_free_to_fetch_it_again(registered, publisher, host, now):
    find(registered._replace(jwks_uri=host.uri + "?known"), publisher, now)
    opened = threading.Event()
    host.answer = holding(opened, publish(publisher.key))
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(find, registered._replace(jwks_uri=f"{host.uri}?{number}"), publisher, now) for number in range(2)]
        wait_for_requests(host, 3)
        assert find(registered._replace(jwks_uri=host.uri + "?known"), publisher, now + timedelta(minutes=14)).keys
        with pytest.raises(TemporarilyUnavailableError):
            find(registered._replace(jwks_uri=host.uri + "?known"), publisher, now + timedelta(minutes=15))
        opened.set()
        assert all(future.result().keys for future in slow)


def test_the_number_of_remembered_hosts_is_limited(registered, publisher, host, now, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0)
    monkeypatch.setattr(jwks_uri, "MAX_HOSTS", 2)
    for port in (1, 2, 3):
        find(registered._replace(jwks_uri=f"https://localhost:{port}/"), publisher, now)
    assert [place for _, place in jwks_uri._overdue] == ["localhost:2", "localhost:3"]


def ask_paths(registered, publisher, host, now, *paths):
    """The paths that the host is asked for."""
    host.requests.clear()
    for path in paths:
        workspace, _, _ = path.partition("/")
        find(registered._replace(jwks_uri=f"https://localhost:{host.port}/{path}", workspace_pk=int(workspace)), publisher, now)
    return [request.split()[1].decode()[1:] for request in host.requests]


def test_the_number_of_copies_is_limited(registered, publisher, host, now, monkeypatch):
    """Each copy counts as one, and so does each of its keys."""
    monkeypatch.setattr(published_copies, "MAX", 4)
    assert ask_paths(registered, publisher, host, now, "1/a", "1/b", "1/a", "1/c", "1/a", "1/b") == ["1/a", "1/b", "1/c", "1/b"]


def test_workspace_with_many_keys_loses_its_own_copies_and_nobody_elses(registered, publisher, host, now, monkeypatch):
    monkeypatch.setattr(published_copies, "MAX", 8)
    assert ask_paths(registered, publisher, host, now, "1/a", "1/b") == ["1/a", "1/b"]
    assert ask_paths(registered, publisher, host, now, *(f"2/{number}" for number in range(10)), "1/a", "1/b", "2/9", "2/7") == [
        *(f"2/{number}" for number in range(10)), "2/7",
    ]  # fmt: skip


def test_workspaces_that_share_a_uri_share_no_copy(registered, publisher, host, now):
    """Otherwise one could use up the other's fetch of a new key."""
    other = registered._replace(workspace_pk=registered.workspace_pk + 1)
    for client in (registered, other):
        find(client, publisher, now)
        find(client, publisher, now, "nobody's")
    assert len(host.requests) == 4


def test_copy_that_is_dropped_while_it_is_read_is_of_use_once(registered, publisher, host, now, monkeypatch):
    monkeypatch.setattr(published_copies, "MAX", 1)
    for _ in range(2):
        assert find(registered, publisher, now).keys
    assert len(host.requests) == 2
    host.answer = lambda connection: (jwks_uri._copies.clear(), publish(publisher.key)(connection))
    assert find(registered, publisher, now).keys


def test_first_fifty_usable_keys_of_a_set_are_accepted(registered, publisher, host, now):
    other = [{**publisher.key.jwk, "kid": str(number)} for number in range(60)]
    host.answer = respond(json.dumps({"keys": [{"kty": "oct", "k": "AA"}, *other]}))
    assert [bool(find(registered, publisher, now, kid).keys) for kid in ("0", "49", "50")] == [True, True, False]


# At once


def holding(opened: threading.Event, answer: Answer) -> Answer:
    def hold(connection: ssl.SSLSocket) -> None:
        opened.wait(5)
        answer(connection)

    return hold


def wait_for_requests(host: Host, number: int) -> None:
    """Until that many wait for their responses."""
    last = time.monotonic() + fetch.TIMEOUT
    while len(host.requests) < number:
        assert time.monotonic() < last
        time.sleep(0.01)


def test_two_at_once_read_it_once(registered, publisher, host, now):
    opened = threading.Event()
    host.answer = holding(opened, publish(publisher.key))
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(find, registered, publisher, now) for _ in range(2)]
        time.sleep(0.3)
        opened.set()
        assert [[one.kid for one in future.result().keys] for future in found] == [[publisher.kid]] * 2
    assert len(host.requests) == 1


def test_no_more_than_two_threads_wait_for_one_workspace(registered, publisher, host, now):
    """Of the four threads that run endpoints. Requests that needn't wait continue."""
    find(registered._replace(jwks_uri=host.uri + "?known"), publisher, now)
    opened = threading.Event()
    host.answer = holding(opened, publish(publisher.key))
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(find, registered._replace(jwks_uri=f"{host.uri}?{number}"), publisher, now) for number in range(2)]
        time.sleep(0.3)
        begun = time.monotonic()
        with pytest.raises(TemporarilyUnavailableError) as error:
            find(registered._replace(jwks_uri=host.uri + "?third"), publisher, now)
        assert error.value.reason.code == "jwks_uri_busy"
        # A stale copy is better than waiting.
        assert find(registered._replace(jwks_uri=host.uri + "?known"), publisher, now + timedelta(minutes=10)).keys
        assert time.monotonic() - begun < 0.2
        opened.set()
        assert all(future.result().keys for future in slow)
    assert find(registered._replace(jwks_uri=host.uri + "?third"), publisher, now).keys


def test_slow_hosts_of_one_workspace_leave_a_place_to_another_and_one_thread_to_everybody(registered, publisher, host, now):
    opened = threading.Event()

    def of_workspace(number):
        return registered._replace(workspace_pk=registered.workspace_pk + number, jwks_uri=f"{host.uri}?of-{number}")

    find(of_workspace(1), publisher, now)
    host.answer = holding(opened, publish(publisher.key))
    with ThreadPoolExecutor(3) as pool:
        slow = [pool.submit(find, registered._replace(jwks_uri=f"{host.uri}?{number}"), publisher, now) for number in range(2)]
        wait_for_requests(host, 3)
        slow.append(pool.submit(find, of_workspace(2), publisher, now))
        wait_for_requests(host, 4)
        with pytest.raises(TemporarilyUnavailableError):
            find(of_workspace(3), publisher, now)
        assert find(of_workspace(1), publisher, now).keys
        opened.set()
        assert all(future.result().keys for future in slow)
    assert find(of_workspace(3), publisher, now).keys


def test_stale_copy_goes_on_counting_while_another_thread_reads(registered, publisher, host, now):
    find(registered, publisher, now)
    opened = threading.Event()
    host.answer = holding(opened, publish(publisher.key))
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(find, registered, publisher, now + timedelta(minutes=10))
        time.sleep(0.3)
        begun = time.monotonic()
        assert find(registered, publisher, now + timedelta(minutes=10)).keys
        assert time.monotonic() - begun < 0.2
        opened.set()
        assert reading.result().keys
    assert len(host.requests) == 2


@pytest.mark.apart
def test_too_many_waiting_is_told_as_unavailable(send, publisher, registered, host, now):
    opened = threading.Event()
    host.answer = holding(opened, publish(publisher.key))
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(find, registered._replace(jwks_uri=f"{host.uri}?{number}"), publisher, now) for number in range(2)]
        wait_for_requests(host, 2)
        answer = send.token(None, publisher.form())
        opened.set()
        assert all(future.result().keys for future in slow)
    assert answer.error == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"]


@pytest.fixture
def log(settings, caplog, monkeypatch):
    """What it says about a jwks_uri, where no private address is allowed."""
    monkeypatch.setattr(jwks_uri, "_quota", LogQuota(seconds=60, lines=3, of_one=2))
    settings.OUTBOUND_ALLOWED_HOSTS = []
    caplog.set_level("INFO", "tokenos.oauth")
    return caplog


def test_only_the_log_says_whether_a_host_without_a_public_address_exists(registered, publisher, now, log):
    """Otherwise a developer could find out the names in the network that TokenOS runs in."""
    for name, cause in (("localhost", "has an address that isn't public"), ("nowhere.invalid", "has no address")):
        problem = find(registered._replace(jwks_uri=f"https://{name}/"), publisher, now).problem
        assert problem is not None
        assert problem.sentence.endswith(f"from its jwks_uri: {name} has no address, or one that isn't public.")
        assert log.records[-1].message == f"A jwks_uri can't be fetched: {name} {cause}."
        assert log.records[-1].client_id == publisher.client_id


def test_log_gets_so_many_lines_about_the_uris_of_a_workspace_and_no_more(registered, publisher, now, log):
    for number in range(4):
        find(registered._replace(jwks_uri=f"https://127.0.0.{number}/"), publisher, now)
    find(registered._replace(jwks_uri="https://127.0.0.9/", workspace_pk=registered.workspace_pk + 1), publisher, now)
    assert len(log.records) == 3
    assert log.records[-1].message == "A jwks_uri can't be fetched: 127.0.0.9 has an address that isn't public. 2 more left out since the last line."
