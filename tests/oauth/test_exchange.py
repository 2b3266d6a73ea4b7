"""What another server may be asked and may answer: never one within our own network, and no more than 64 KiB."""

import socket
import threading
from collections.abc import Callable

import pytest

from oauth import exchange
from oauth.exchange import is_public
from tests.oauth.hosts import Answer, ask_elsewhere, order_for, respond

UNUSABLE = "has no address, or one that isn't public"

# Of a URL: what came back, or what went wrong.
Ask = Callable[..., str]


def ask_here(url: str, allowed=("localhost",)) -> str:
    reply = exchange.exchange(order_for(url, allowed))
    return reply["problem"] or reply["body"]


@pytest.fixture(params=[ask_elsewhere, ask_here], ids=["elsewhere", "here"])
def ask(request) -> Ask:
    exchange._tls_context.cache_clear()
    return request.param


@pytest.mark.parametrize(
    "address",
    [
        "192.88.99.1", "168.63.129.16",
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "169.254.0.1", "100.64.0.1", "192.0.0.1",
        "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
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
    assert ask_here(f"https://keys.example:{host.port}/") == f"keys.example {UNUSABLE}"
    assert host.requests == []


def test_name_is_looked_up_once_and_the_connection_goes_to_the_address_that_was_checked(host, monkeypatch):
    host.answer = respond("ok")
    asked = resolving(monkeypatch, ["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"])
    assert ask_here(f"https://keys.example:{host.port}/", ["keys.example"]) == "ok"
    assert asked == ["keys.example"]


def test_next_address_is_tried_where_one_takes_no_connection(host, monkeypatch):
    host.answer = respond("ok")
    resolving(monkeypatch, ["127.0.0.9", "127.0.0.1"])
    assert ask_here(f"https://keys.example:{host.port}/", ["keys.example"]) == "ok"


NOWHERE = ["nowhere.invalid", "a" * 64 + ".example"]


@pytest.mark.parametrize("name", [*NOWHERE, "localhost", "127.0.0.1"])
def test_owner_of_the_url_does_not_learn_which_names_exist_in_our_network(ask, name):
    assert ask(f"https://{name}/", []) == f"{name} {UNUSABLE}"


@pytest.mark.parametrize("name", NOWHERE)
def test_name_without_an_address_that_the_operator_allows(ask, name):
    assert ask(f"https://{name}/", [name]) == f"{name} has no address"


def test_certificate_of_another_name(ask, host):
    assert "certificate of 127.0.0.1" in ask(f"https://127.0.0.1:{host.port}/", ["127.0.0.1"])


def test_certificate_of_nobody_known(ask, host, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "certificate of localhost" in ask(host.uri)


def test_host_that_takes_no_connections(ask):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert "failed (Connection refused)" in ask(f"https://localhost:{port}/")


def test_host_that_speaks_no_tls(ask):
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def speak() -> None:
            with plain.accept()[0] as connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        threading.Thread(target=speak, daemon=True).start()
        assert "failed (" in ask(f"https://localhost:{plain.getsockname()[1]}/")


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
def test_answer_that_is_too_long_or_not_whole(ask, host, case):
    host.answer, words = TOO_LONG[case]
    assert words in ask(host.uri)


def test_answer_of_exactly_64_kib(ask, host):
    host.answer = respond("x" * 65536)
    assert len(ask(host.uri)) == 65536


@pytest.mark.parametrize("answer", [lambda _: None, lambda connection: connection.sendall(b"nonsense\r\n\r\n"),
                                    lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\nx")])  # fmt: skip
def test_answer_that_is_no_http(ask, host, answer):
    host.answer = answer
    assert "well-formed HTTP" in ask(host.uri)
