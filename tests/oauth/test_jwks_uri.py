"""Keys that a client publishes at its jwks_uri: fetched safely, kept for a while, and never in the way of other requests."""

import json
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from clients.services.public_keys import revoke_public_key
from oauth import fetch, jwks_uri, published_copies
from oauth.errors import TemporarilyUnavailableError
from oauth.jwks_uri import find_keys
from oauth.log_quota import LogQuota
from oauth.lookup import find_by_key
from oauth.registration import RegisteredClient
from oauth.throttling import failure_keys
from tests.factories import TESTS
from tests.oauth.assertions import Robot, create_robot
from tests.oauth.conftest import reason_of
from tests.oauth.doors import bearer
from tests.oauth.hosts import Answer, Host, publish, respond
from tests.oauth.proofs import key, new_key


@pytest.fixture
def robot(host, demo, now) -> Robot:
    """A client without a registered key, which publishes one."""
    signer = new_key()
    created = create_robot(demo, signer, now=now, jwks_uri=host.uri)
    created.client.public_keys.all().delete()
    host.answer = publish(signer)
    return Robot(created.client, signer, signer.jkt)


@pytest.fixture
def registered(robot, now) -> RegisteredClient:
    """As the database has it."""
    found = find_by_key(client_id=robot.client_id, kid="", failure_keys=failure_keys(name="", address=""), now=now)
    assert found.client is not None
    return found.client


# What is accepted


@pytest.mark.rfc("7523", "3")
@pytest.mark.parametrize("has_kid", [True, False])
def test_published_key_authenticates_its_client(send, robot, host, has_kid):
    jwks_uri._copies.clear()
    answer = send.token(None, robot.form(header={} if has_kid else {"kid": None}))
    assert answer.status == 200
    assert send.get("/api/v1/whoami", bearer(answer.json()["access_token"])).status == 200
    assert host.requests[0].startswith(b"GET /jwks.json HTTP/1.1\r\nHost: localhost:%d\r\n" % host.port)


@pytest.mark.parametrize("kid", [None, "renamed"])
def test_key_that_was_revoked_here_is_dead_wherever_it_is_published(send, demo, host, now, kid):
    signer = new_key()
    robot = create_robot(demo, signer, now=now, jwks_uri=host.uri)
    revoke_public_key(client=robot.client, kid=robot.kid, actor=TESTS, now=now)
    host.answer = respond(json.dumps({"keys": [{**signer.jwk, "kid": "renamed"}]}))
    answer = send.token(None, robot.form(header={"kid": kid}))
    assert answer.status == 401
    other = new_key()
    host.answer = respond(json.dumps({"keys": [{**other.jwk, "kid": "other"}, {**signer.jwk, "kid": "renamed"}]}))
    jwks_uri._copies.clear()
    assert send.token(None, replace(robot, key=other).form(header={"kid": "other"})).status == 200


def test_registered_key_that_has_ended_is_no_better_for_being_published(send, demo, host, now):
    signer = new_key()
    robot = create_robot(demo, signer, now=now, jwks_uri=host.uri)
    robot.client.public_keys.update(expires_at=now - timedelta(seconds=1))
    host.answer = respond(json.dumps({"keys": [{**signer.jwk, "kid": "renamed"}]}))
    assert send.token(None, robot.form(header={"kid": "renamed"})).status == 401


@pytest.mark.apart
@pytest.mark.parametrize("change", ["revoke", "other uri", "other client"])
def test_tokens_of_a_published_key_end(send, demo, host, now, change):
    """With the key, where that is registered too, and with the URI; not with what is another client's."""
    signer = new_key()
    robot = create_robot(demo, signer, now=now, jwks_uri=host.uri)
    stranger = create_robot(demo, signer, now=now)
    host.answer = respond(json.dumps({"keys": [{**signer.jwk, "kid": "renamed"}]}))
    token = bearer(send.token(None, robot.form(header={"kid": "renamed"})).json()["access_token"])
    assert send.get("/api/v1/whoami", token).status == 200
    if change == "other uri":
        robot.client.jwks_uri += "?v=2"
        robot.client.save()
    else:
        owner = robot if change == "revoke" else stranger
        revoke_public_key(client=owner.client, kid=owner.kid, actor=TESTS, now=now)
    assert send.get("/api/v1/whoami", token).status == (200 if change == "other client" else 401)


def test_answer_in_chunks_is_read(send, robot, host):
    body = json.dumps({"keys": [robot.key.jwk]}).encode()
    host.answer = lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
    assert send.token(None, robot.form()).status == 200


def test_answer_that_ends_with_the_connection_is_read(send, robot, host):
    body = json.dumps({"keys": [robot.key.jwk]}).encode()
    host.answer = lambda connection: connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + body)
    assert send.token(None, robot.form()).status == 200


@pytest.mark.apart
def test_registered_key_counts_before_the_published_ones(send, demo, now, host):
    robot = create_robot(demo, new_key(), now=now, jwks_uri=host.uri)
    assert send.token(None, robot.form()).status == 200
    assert host.requests == []
    assert send.token(None, robot.form(header={"kid": None})).status == 200


def test_algorithm_of_a_published_key_counts(asgi, robot, host):
    signer = key("RS256")
    host.answer = publish(signer, alg="PS256", kid="rsa")
    wrong, right = Robot(robot.client, signer, "rsa"), Robot(robot.client, replace(signer, algorithm="PS256"), "rsa")
    assert reason_of(asgi.token(None, wrong.form()).request_id) == "algorithm_not_of_key"
    assert asgi.token(None, right.form()).status == 200


def test_no_more_than_ten_published_keys_are_tried(asgi, robot, host):
    signers = [new_key() for _ in range(11)]
    host.answer = publish(*signers)
    jwks_uri._copies.clear()
    statuses = [asgi.token(None, Robot(robot.client, signer, None).form()).status for signer in (signers[0], signers[9], signers[10])]
    assert statuses == [200, 200, 401]
    assert asgi.token(None, Robot(robot.client, signers[10], signers[10].jkt).form()).status == 200


def test_token_dies_when_the_client_gets_another_uri(send, robot, host):
    token = send.token(None, robot.form()).json()["access_token"]
    robot.client.jwks_uri = host.uri + "?other"
    robot.client.save()
    refused = send.get("/api/v1/whoami", bearer(token))
    assert reason_of(refused.request_id) == "credential_revoked"


# How long it is kept


def find(registered, robot, now, kid=None):
    return find_keys(registered, kid=robot.kid if kid is None else kid, algorithm="ES256", now=now)


def test_copy_counts_for_five_minutes(registered, robot, host, now):
    for seconds in (0, 1, 299):
        assert [one.kid for one in find(registered, robot, now + timedelta(seconds=seconds)).keys] == [robot.kid]
    assert len(host.requests) == 1
    assert find(registered, robot, now + timedelta(seconds=300)).keys
    assert len(host.requests) == 2


def test_unknown_kid_has_it_read_once_more_and_then_not_for_half_a_minute(registered, robot, host, now):
    find(registered, robot, now)
    late = new_key()
    host.answer = publish(robot.key, late)
    assert [one.kid for one in find(registered, robot, now, late.jkt).keys] == [late.jkt]
    for seconds in (0, 15, 29):
        found = find(registered, robot, now + timedelta(seconds=seconds), "nobody's")
        assert (found.keys, found.problem) == ([], None)
    assert len(host.requests) == 2
    find(registered, robot, now + timedelta(seconds=30), "nobody's")
    assert len(host.requests) == 3


def test_key_that_disappears_stops_with_the_copy(registered, robot, host, now):
    find(registered, robot, now)
    host.answer = publish(new_key())
    assert find(registered, robot, now + timedelta(minutes=4)).keys
    assert not find(registered, robot, now + timedelta(minutes=6)).keys


def test_last_good_copy_counts_for_a_day_while_the_host_is_down(registered, robot, host, now):
    find(registered, robot, now)
    host.answer = respond("", "503 Service Unavailable")
    for hours in (1, 23):
        found = find(registered, robot, now + timedelta(hours=hours))
        assert ([one.kid for one in found.keys], found.problem) == ([robot.kid], None)
    lost = find(registered, robot, now + timedelta(hours=24))
    assert lost.keys == []
    assert lost.problem is not None
    assert lost.problem.code == "jwks_uri_unavailable"
    host.answer = publish(robot.key)
    assert find(registered, robot, now + timedelta(hours=25)).keys


def test_host_that_fails_is_left_alone_for_half_a_minute(registered, robot, host, now):
    host.answer = respond("", "500 Internal Server Error")
    for seconds in (0, 29):
        problem = find(registered, robot, now + timedelta(seconds=seconds)).problem
        assert problem is not None
        assert "status 500" in problem.sentence
    assert len(host.requests) == 1
    host.answer = publish(robot.key)
    assert find(registered, robot, now + timedelta(seconds=30)).keys
    assert len(host.requests) == 2


def test_host_that_goes_on_failing_is_left_alone_for_longer_up_to_five_minutes(registered, robot, host, now):
    host.answer = respond("", "500 Internal Server Error")
    asked_at = [second for second in range(0, 1500, 10) if _is_asked(registered, robot, host, now + timedelta(seconds=second))]
    assert asked_at == [0, 30, 90, 210, 450, 750, 1050, 1350]
    host.answer = publish(robot.key)
    assert find(registered, robot, now + timedelta(seconds=1650)).keys
    host.answer = respond("", "500 Internal Server Error")
    asked_again = [second for second in range(1960, 2060, 10) if _is_asked(registered, robot, host, now + timedelta(seconds=second))]
    assert asked_again == [1960, 1990, 2050]


def _is_asked(registered, robot, host, moment):
    before = len(host.requests)
    find(registered, robot, moment)
    return len(host.requests) > before


def test_host_that_takes_too_long_is_left_alone_with_all_of_its_uris(registered, robot, host, now, monkeypatch):
    """Of that workspace, for longer each time. What was read before goes on counting."""
    find(registered._replace(jwks_uri=host.uri + "?known"), robot, now)
    monkeypatch.setattr(fetch, "TIMEOUT", 0.1)
    host.answer = lambda _: time.sleep(1)
    asked_at = []
    for second in range(600, 900, 10):
        moment = now + timedelta(seconds=second)
        problem = find(registered._replace(jwks_uri=f"{host.uri}?{second}"), robot, moment).problem
        assert problem is not None
        assert problem.code == "jwks_uri_unavailable"
        if "took longer than" in problem.sentence:
            asked_at.append(second)
        assert find(registered._replace(jwks_uri=host.uri + "?known"), robot, moment).keys
    assert asked_at == [600, 630, 690, 810]
    monkeypatch.setattr(fetch, "TIMEOUT", 30)
    host.answer = publish(robot.key)
    elsewhere = registered._replace(workspace_pk=registered.workspace_pk + 1)
    assert find(elsewhere, robot, now + timedelta(seconds=900)).keys
    for second in (1050, 1051):
        assert find(registered._replace(jwks_uri=f"{host.uri}?{second}"), robot, now + timedelta(seconds=second)).keys


def test_slow_uri_of_a_colleague_keeps_no_key_alive_that_was_taken_out(registered, robot, host, now, monkeypatch):
    """At the same host, which is left alone because of it for longer and longer. The client's own URI answers."""
    find(registered, robot, now)
    asked_at = []
    for second in range(290, 1000, 10):
        with monkeypatch.context() as patched:
            # Enough for the request to come there.
            patched.setattr(fetch, "TIMEOUT", 1)
            host.answer = lambda _: time.sleep(2)
            if _is_asked(registered._replace(jwks_uri=host.uri + "?slow"), robot, host, now + timedelta(seconds=second)):
                asked_at.append(second)
        host.answer = publish(new_key())
        before = len(host.requests)
        found = find(registered, robot, now + timedelta(seconds=second))
        assert bool(found.keys) == (second < 900), second
        if second <= 900:
            assert (len(host.requests) > before) == (second == 900), second
    assert asked_at == [290, 320, 380, 500, 740]


def test_copy_of_a_uri_that_is_slow_itself_goes_on_counting_while_its_host_is_left_alone(registered, robot, host, now, monkeypatch):
    find(registered, robot, now)
    monkeypatch.setattr(fetch, "TIMEOUT", 0.1)
    host.answer = lambda _: time.sleep(1)
    for minutes in range(10, 20):
        assert find(registered, robot, now + timedelta(minutes=minutes)).keys
    assert find(registered, robot, now + timedelta(hours=23)).keys


def test_copy_goes_on_counting_for_a_while_where_no_thread_is_free_to_read_it_anew_and_no_longer(registered, robot, host, now):
    find(registered._replace(jwks_uri=host.uri + "?known"), robot, now)
    opened = threading.Event()
    host.answer = holding(opened, publish(robot.key))
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(find, registered._replace(jwks_uri=f"{host.uri}?{number}"), robot, now) for number in range(2)]
        wait_for_requests(host, 3)
        assert find(registered._replace(jwks_uri=host.uri + "?known"), robot, now + timedelta(minutes=14)).keys
        with pytest.raises(TemporarilyUnavailableError):
            find(registered._replace(jwks_uri=host.uri + "?known"), robot, now + timedelta(minutes=15))
        opened.set()
        assert all(future.result().keys for future in slow)


def test_so_many_overdue_hosts_are_remembered_and_no_more(registered, robot, host, now, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0)
    monkeypatch.setattr(jwks_uri, "MAX_HOSTS", 2)
    for port in (1, 2, 3):
        find(registered._replace(jwks_uri=f"https://localhost:{port}/"), robot, now)
    assert [place for _, place in jwks_uri._overdue] == ["localhost:2", "localhost:3"]


def ask_paths(registered, robot, host, now, *paths):
    """Of which the host is asked."""
    host.requests.clear()
    for path in paths:
        workspace, _, _ = path.partition("/")
        find(registered._replace(jwks_uri=f"https://localhost:{host.port}/{path}", workspace_pk=int(workspace)), robot, now)
    return [request.split()[1].decode()[1:] for request in host.requests]


def test_so_many_copies_are_kept_and_no_more(registered, robot, host, now, monkeypatch):
    """Each counts as one, and each of its keys."""
    monkeypatch.setattr(published_copies, "MAX", 4)
    assert ask_paths(registered, robot, host, now, "1/a", "1/b", "1/a", "1/c", "1/a", "1/b") == ["1/a", "1/b", "1/c", "1/b"]


def test_workspace_with_many_keys_loses_its_own_copies_and_nobody_elses(registered, robot, host, now, monkeypatch):
    monkeypatch.setattr(published_copies, "MAX", 8)
    assert ask_paths(registered, robot, host, now, "1/a", "1/b") == ["1/a", "1/b"]
    assert ask_paths(registered, robot, host, now, *(f"2/{number}" for number in range(10)), "1/a", "1/b", "2/9", "2/7") == [
        *(f"2/{number}" for number in range(10)), "2/7",
    ]  # fmt: skip


def test_workspaces_that_share_a_uri_share_no_copy(registered, robot, host, now):
    """Else one could use up the other's look for a new key."""
    other = registered._replace(workspace_pk=registered.workspace_pk + 1)
    for client in (registered, other):
        find(client, robot, now)
        find(client, robot, now, "nobody's")
    assert len(host.requests) == 4


def test_copy_that_is_dropped_while_it_is_read_is_of_use_once(registered, robot, host, now, monkeypatch):
    monkeypatch.setattr(published_copies, "MAX", 1)
    for _ in range(2):
        assert find(registered, robot, now).keys
    assert len(host.requests) == 2
    host.answer = lambda connection: (jwks_uri._copies.clear(), publish(robot.key)(connection))
    assert find(registered, robot, now).keys


def test_first_fifty_usable_keys_of_a_set_are_taken(registered, robot, host, now):
    other = [{**robot.key.jwk, "kid": str(number)} for number in range(60)]
    host.answer = respond(json.dumps({"keys": [{"kty": "oct", "k": "AA"}, *other]}))
    assert [bool(find(registered, robot, now, kid).keys) for kid in ("0", "49", "50")] == [True, True, False]


# At once


def holding(opened: threading.Event, answer: Answer) -> Answer:
    def hold(connection: ssl.SSLSocket) -> None:
        opened.wait(5)
        answer(connection)

    return hold


def wait_for_requests(host: Host, number: int) -> None:
    """Until so many wait for their answers."""
    last = time.monotonic() + fetch.TIMEOUT
    while len(host.requests) < number:
        assert time.monotonic() < last
        time.sleep(0.01)


def test_two_at_once_read_it_once(registered, robot, host, now):
    opened = threading.Event()
    host.answer = holding(opened, publish(robot.key))
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(find, registered, robot, now) for _ in range(2)]
        time.sleep(0.3)
        opened.set()
        assert [[one.kid for one in future.result().keys] for future in found] == [[robot.kid]] * 2
    assert len(host.requests) == 1


def test_no_more_than_two_threads_wait_for_one_workspace(registered, robot, host, now):
    """Of the four that run the endpoints. Who has nothing to wait for goes on."""
    find(registered._replace(jwks_uri=host.uri + "?known"), robot, now)
    opened = threading.Event()
    host.answer = holding(opened, publish(robot.key))
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(find, registered._replace(jwks_uri=f"{host.uri}?{number}"), robot, now) for number in range(2)]
        time.sleep(0.3)
        begun = time.monotonic()
        with pytest.raises(TemporarilyUnavailableError) as error:
            find(registered._replace(jwks_uri=host.uri + "?third"), robot, now)
        assert error.value.reason.code == "jwks_uri_busy"
        # A stale copy is better than waiting.
        assert find(registered._replace(jwks_uri=host.uri + "?known"), robot, now + timedelta(minutes=10)).keys
        assert time.monotonic() - begun < 0.2
        opened.set()
        assert all(future.result().keys for future in slow)
    assert find(registered._replace(jwks_uri=host.uri + "?third"), robot, now).keys


def test_slow_hosts_of_one_workspace_leave_a_place_to_another_and_one_thread_to_everybody(registered, robot, host, now):
    opened = threading.Event()

    def of_workspace(number):
        return registered._replace(workspace_pk=registered.workspace_pk + number, jwks_uri=f"{host.uri}?of-{number}")

    find(of_workspace(1), robot, now)
    host.answer = holding(opened, publish(robot.key))
    with ThreadPoolExecutor(3) as pool:
        slow = [pool.submit(find, registered._replace(jwks_uri=f"{host.uri}?{number}"), robot, now) for number in range(2)]
        wait_for_requests(host, 3)
        slow.append(pool.submit(find, of_workspace(2), robot, now))
        wait_for_requests(host, 4)
        with pytest.raises(TemporarilyUnavailableError):
            find(of_workspace(3), robot, now)
        assert find(of_workspace(1), robot, now).keys
        opened.set()
        assert all(future.result().keys for future in slow)
    assert find(of_workspace(3), robot, now).keys


def test_stale_copy_goes_on_counting_while_another_thread_reads(registered, robot, host, now):
    find(registered, robot, now)
    opened = threading.Event()
    host.answer = holding(opened, publish(robot.key))
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(find, registered, robot, now + timedelta(minutes=10))
        time.sleep(0.3)
        begun = time.monotonic()
        assert find(registered, robot, now + timedelta(minutes=10)).keys
        assert time.monotonic() - begun < 0.2
        opened.set()
        assert reading.result().keys
    assert len(host.requests) == 2


# What is refused


@pytest.mark.parametrize(
    "uri",
    [
        "https://127.0.0.1:{port}/", "https://localhost:{port}/", "https://[::1]:{port}/", "https://[::ffff:127.0.0.1]:{port}/", "https://127.1:{port}/",
        "https://2130706433:{port}/", "https://0x7f000001:{port}/", "https://0177.0.0.1:{port}/", "https://0:{port}/", "https://[64:ff9b::7f00:1]:{port}/",
        "https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/", "https://localhost.:{port}/",
    ],
)  # fmt: skip
def test_host_inside_is_never_connected_to(send, robot, host, settings, caplog, uri):
    settings.OUTBOUND_ALLOWED_HOSTS = ["other.example"]
    robot.client.jwks_uri = uri.format(port=host.port)
    robot.client.save()
    answer = send.token(None, robot.form())
    assert answer.error == (401, "invalid_client")
    assert reason_of(answer.request_id) == "jwks_uri_unavailable"
    assert "took longer" not in caplog.text
    assert host.requests == []


@pytest.fixture
def log(settings, caplog, monkeypatch):
    """What it says about a jwks_uri, where no private address is allowed."""
    monkeypatch.setattr(jwks_uri, "_quota", LogQuota(seconds=60, lines=3, of_one=2))
    settings.OUTBOUND_ALLOWED_HOSTS = []
    caplog.set_level("INFO", "tokenos.oauth")
    return caplog


def test_only_the_log_says_whether_a_host_without_a_public_address_exists(registered, robot, now, log):
    """Otherwise a developer could find out the names in the network that TokenOS runs in."""
    for name, cause in (("localhost", "has an address that isn't public"), ("nowhere.invalid", "has no address")):
        problem = find(registered._replace(jwks_uri=f"https://{name}/"), robot, now).problem
        assert problem is not None
        assert problem.sentence.endswith(f"from its jwks_uri: {name} has no address, or one that isn't public.")
        assert log.records[-1].message == f"A jwks_uri can't be asked: {name} {cause}."
        assert log.records[-1].client_id == robot.client_id


def test_log_gets_so_many_lines_about_the_uris_of_a_workspace_and_no_more(registered, robot, now, log):
    for number in range(4):
        find(registered._replace(jwks_uri=f"https://127.0.0.{number}/"), robot, now)
    find(registered._replace(jwks_uri="https://127.0.0.9/", workspace_pk=registered.workspace_pk + 1), robot, now)
    assert len(log.records) == 3
    assert log.records[-1].message == "A jwks_uri can't be asked: 127.0.0.9 has an address that isn't public. 2 more were left out since the last line."


@pytest.mark.parametrize("body", ["", "[]", '{"keys": 1}', "<html>", b"\xff\xfe"])
def test_document_that_is_no_set_is_its_owners_to_mend(send, robot, host, body):
    host.answer = respond(body)
    answer = send.token(None, robot.form())
    assert answer.error == (401, "invalid_client")
    assert reason_of(answer.request_id) == "jwks_uri_unusable"


def test_unusable_keys_in_the_set_are_left_out(send, robot, host):
    body = {"keys": [{"kty": "oct", "k": "AA", "kid": robot.kid}, robot.key.private_jwk, {"kty": "AKP"}, robot.key.jwk]}
    host.answer = respond(json.dumps(body))
    assert send.token(None, robot.form()).status == 200


@pytest.mark.apart
def test_too_many_waiting_is_told_as_unavailable(send, robot, registered, host, now):
    opened = threading.Event()
    host.answer = holding(opened, publish(robot.key))
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(find, registered._replace(jwks_uri=f"{host.uri}?{number}"), robot, now) for number in range(2)]
        wait_for_requests(host, 2)
        answer = send.token(None, robot.form())
        opened.set()
        assert all(future.result().keys for future in slow)
    assert answer.error == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"]
