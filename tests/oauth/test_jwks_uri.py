"""Keys that a client publishes at its jwks_uri: fetched safely, kept for a while, and never in the way of other requests.

The hosts here are real ones that speak TLS on a loopback address, which OUTBOUND_ALLOWED_HOSTS has to allow.
"""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from cryptography import x509

from clients.services.public_keys import revoke_public_key
from oauth import client_jwks, fetch
from oauth.client_jwks import find_keys
from oauth.errors import TemporarilyUnavailableError
from oauth.fetch import FetchError, is_public
from oauth.lookup import find_by_key
from oauth.registration import RegisteredClient
from oauth.throttling import failure_keys
from tests.certificates import self_signed
from tests.factories import TESTS
from tests.oauth.assertions import Robot, create_robot
from tests.oauth.conftest import reason_of
from tests.oauth.doors import bearer
from tests.oauth.proofs import key, new_key

Answer = Callable[[ssl.SSLSocket], None]


def respond(body: bytes | str, status: str = "200 OK", headers: str = "", *, length: int | None = None) -> Answer:
    content = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content) if length is None else length}\r\n{headers}\r\n"
    return lambda connection: connection.sendall(head.encode() + content)


def publish(*keys, **more) -> Answer:
    return respond(json.dumps({"keys": [{**one.jwk, **more} for one in keys]}))


@dataclass
class Host:
    """answer: what it does with each connection once it has read the request."""

    port: int
    answer: Answer
    requests: list[bytes] = field(default_factory=list)

    @property
    def uri(self) -> str:
        return f"https://localhost:{self.port}/jwks.json"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    directory = tmp_path_factory.mktemp("host")
    return self_signed("localhost", extensions=[x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.DNSName("keys.example")])]).write(directory)


@pytest.fixture
def host(certificate, monkeypatch, settings):
    """A host whose certificate is trusted, on a loopback address that is allowed."""
    monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
    settings.OUTBOUND_ALLOWED_HOSTS = ["other.example", "LocalHost"]
    client_jwks._copies.clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    listener = socket.create_server(("127.0.0.1", 0))
    started = Host(listener.getsockname()[1], publish())

    def serve(plain: socket.socket) -> None:
        with suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as connection:
            connection.settimeout(10)
            started.requests.append(connection.recv(65536))
            started.answer(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield started
    listener.close()


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
    client_jwks._copies.clear()
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
    client_jwks._copies.clear()
    assert send.token(None, replace(robot, key=other).form(header={"kid": "other"})).status == 200


def test_registered_key_that_has_ended_is_no_better_for_being_published(send, demo, host, now):
    signer = new_key()
    robot = create_robot(demo, signer, now=now, jwks_uri=host.uri)
    robot.client.public_keys.update(expires_at=now - timedelta(seconds=1))
    host.answer = respond(json.dumps({"keys": [{**signer.jwk, "kid": "renamed"}]}))
    assert send.token(None, robot.form(header={"kid": "renamed"})).status == 401


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


def test_query_of_the_uri_is_sent(host):
    host.answer = respond("ok")
    assert fetch.fetch(host.uri + "?a=b", accept="text/plain", allowed_hosts=["localhost"]) == b"ok"
    assert host.requests[0].startswith(b"GET /jwks.json?a=b HTTP/1.1\r\n")
    assert fetch.fetch(f"https://localhost:{host.port}", accept="text/plain", allowed_hosts=["localhost"]) == b"ok"
    assert host.requests[1].startswith(b"GET / HTTP/1.1\r\n")


def test_answer_in_chunks_is_read(send, robot, host):
    body = json.dumps({"keys": [robot.key.jwk]}).encode()
    host.answer = lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
    assert send.token(None, robot.form()).status == 200


def test_answer_that_ends_with_the_connection_is_read(send, robot, host):
    body = json.dumps({"keys": [robot.key.jwk]}).encode()
    host.answer = lambda connection: connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + body)
    assert send.token(None, robot.form()).status == 200


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
    client_jwks._copies.clear()
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


def test_so_many_copies_are_kept_and_no_more(registered, robot, host, now, monkeypatch):
    monkeypatch.setattr(client_jwks, "MAX_URIS", 2)
    for path in ("a", "b", "a", "c", "a", "b"):
        find(registered._replace(jwks_uri=f"https://localhost:{host.port}/{path}"), robot, now)
    assert [request.split()[1] for request in host.requests] == [b"/a", b"/b", b"/c", b"/b"]


# At once


def holding(opened: threading.Event, answer: Answer) -> Answer:
    def hold(connection: ssl.SSLSocket) -> None:
        opened.wait(5)
        answer(connection)

    return hold


def wait_for_requests(host: Host, number: int) -> None:
    """Until so many wait for their answers."""
    last = time.monotonic() + 2
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
    "address",
    [
        "192.88.99.1", "168.63.129.16",
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "169.254.0.1", "100.64.0.1", "192.0.0.1",
        "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1", "3fff::1", "100::1", "2001::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "::127.0.0.1", "::a00:1", "2002:7f00:1::1", "2002:a9fe:a9fe::1",
        "2002:808:808::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::a00:1", "64:ff9b:1::7f00:1", "5f00::1",
    ],
)  # fmt: skip
def test_address_that_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "193.0.6.139", "2001:4860:4860::8888", "2606:4700::1111", "64:ff9b::808:808", "2a00:1450::1"])
def test_address_that_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "uri",
    [
        "https://127.0.0.1:{port}/", "https://localhost:{port}/", "https://[::1]:{port}/", "https://[::ffff:127.0.0.1]:{port}/", "https://127.1:{port}/",
        "https://2130706433:{port}/", "https://0x7f000001:{port}/", "https://0177.0.0.1:{port}/", "https://0:{port}/", "https://[64:ff9b::7f00:1]:{port}/",
        "https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/", "https://localhost.:{port}/",
    ],
)  # fmt: skip
def test_host_inside_is_never_connected_to(send, robot, host, settings, uri):
    settings.OUTBOUND_ALLOWED_HOSTS = ["other.example"]
    robot.client.jwks_uri = uri.format(port=host.port)
    robot.client.save()
    begun = time.monotonic()
    answer = send.token(None, robot.form())
    assert answer.error == (401, "invalid_client")
    assert reason_of(answer.request_id) == "jwks_uri_unavailable"
    assert time.monotonic() - begun < 1
    assert host.requests == []


def refusal(host, uri=None, allowed=("localhost",)) -> str:
    with pytest.raises(FetchError) as error:
        fetch.fetch(uri or host.uri, accept="application/json", allowed_hosts=allowed)
    return str(error.value)


def resolving(monkeypatch, *answers: list[str]) -> list[str]:
    """Let names have these addresses, one list a look-up. Returns what is looked up."""
    left, asked = list(answers), []

    def look_up(name, port, **options):
        asked.append(name)
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in left.pop(0)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def test_name_with_one_inner_address_among_public_ones_is_refused(host, monkeypatch):
    resolving(monkeypatch, ["193.0.6.139", "127.0.0.1"])
    assert "isn't public" in refusal(host, f"https://keys.example:{host.port}/")
    assert host.requests == []


def test_name_is_looked_up_once_and_the_connection_goes_to_the_address_that_was_checked(host, monkeypatch):
    host.answer = respond("ok")
    asked = resolving(monkeypatch, ["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"])
    assert fetch.fetch(f"https://keys.example:{host.port}/", accept="*/*", allowed_hosts=["keys.example"]) == b"ok"
    assert asked == ["keys.example"]


def test_next_address_is_tried_where_one_takes_no_connection(host, monkeypatch):
    host.answer = respond("ok")
    resolving(monkeypatch, ["127.0.0.9", "127.0.0.1"])
    assert fetch.fetch(f"https://keys.example:{host.port}/", accept="*/*", allowed_hosts=["keys.example"]) == b"ok"


def test_name_without_an_address(host):
    assert "has no address" in refusal(host, "https://nowhere.invalid/")


def test_slow_look_up_ends_with_the_time_limit(host, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.3)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(2))
    begun = time.monotonic()
    assert "look-up" in refusal(host)
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("uri", ["http://localhost/", "ftp://localhost/", "https://", "https://a@localhost/", "https://localhost/#a", "https://[::1", "https://localhost:0/",
                                 "https://lócalhost/", "https://localhost/a b", "https://localhost/\r\nX: y"])  # fmt: skip
def test_uri_that_no_service_writes(host, uri):
    assert "isn't an https URL" in refusal(host, uri)


def test_certificate_of_another_name(host):
    assert "certificate of 127.0.0.1" in refusal(host, f"https://127.0.0.1:{host.port}/", ["127.0.0.1"])


def test_certificate_of_nobody_known(host, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "certificate of localhost" in refusal(host)


def test_host_that_takes_no_connections(host):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert "failed (Connection refused)" in refusal(host, f"https://localhost:{port}/")


def test_host_that_speaks_no_tls(host):
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def speak() -> None:
            with plain.accept()[0] as connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        threading.Thread(target=speak, daemon=True).start()
        assert "failed (" in refusal(host, f"https://localhost:{plain.getsockname()[1]}/")


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "204 No Content", "404 Not Found", "500 Oops"])
def test_status_that_is_not_200(host, status):
    host.answer = respond("{}", status, f"Location: {host.uri}/other\r\n")
    assert f"status {status[:3]}" in refusal(host)
    assert len(host.requests) == 1


def test_proxy_of_the_environment_is_not_asked(host, monkeypatch):
    host.answer = respond("ok")
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch.fetch(host.uri, accept="*/*", allowed_hosts=["localhost"]) == b"ok"


TOO_LONG: dict[str, tuple[Answer, str]] = {
    "64 KiB + 1": (respond("x" * 65537), "longer than 64 KiB"),
    "endless": (respond("x" * 70000, length=10**9), "longer than 64 KiB"),
    "until it ends": (lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000), "longer than 64 KiB"),
    "chunks": (
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 40_000), "longer than 64 KiB",
    ),
    "continue": (lambda connection: connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000), "longer than 64 KiB"),
    "headers": (lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 50_000), "well-formed HTTP"),
    "status line": (lambda connection: connection.sendall(b"x" * 200_000), "well-formed HTTP"),
    "empty promise": (respond("", length=10**15), "cut off"),
}  # fmt: skip


@pytest.mark.parametrize("case", TOO_LONG)
def test_answer_that_is_too_long_or_not_whole(host, case):
    host.answer, words = TOO_LONG[case]
    assert words in refusal(host)


def test_answer_of_exactly_64_kib(host):
    host.answer = respond("x" * 65536)
    assert len(fetch.fetch(host.uri, accept="*/*", allowed_hosts=["localhost"])) == 65536


@pytest.mark.parametrize("answer", [lambda _: None, lambda connection: connection.sendall(b"nonsense\r\n\r\n"),
                                    lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\nx")])  # fmt: skip
def test_answer_that_is_no_http(host, answer):
    host.answer = answer
    assert "well-formed HTTP" in refusal(host)


def drip(connection: ssl.SSLSocket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(100):
        connection.sendall(b" ")
        time.sleep(0.1)


@pytest.mark.parametrize("answer", [lambda _: time.sleep(10), drip], ids=["silent", "slow drip"])
def test_slow_answer_ends_with_the_time_limit_as_a_whole(host, answer):
    host.answer = answer
    begun = time.monotonic()
    assert "longer than 3 s" in refusal(host)
    assert 2.9 < time.monotonic() - begun < 3.5


def test_no_time_left_is_no_time(host, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0)
    assert "took longer" in refusal(host)


def test_slow_handshake_ends_with_the_time_limit(host, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.4)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        assert "took longer" in refusal(host, f"https://localhost:{silent.getsockname()[1]}/")
        assert time.monotonic() - begun < 1


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
