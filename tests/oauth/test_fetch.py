"""Requests to other servers: within limits of time and length, and never to our own network. Most are made twice: by the separate process, as in production,
and by the same code in this one.
"""

import io
import json
import os
import runpy
import signal
import socket
import ssl
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE, Popen
from types import SimpleNamespace

import pytest

from oauth import exchange, fetch
from oauth.fetch import FetchError
from tests.hostile_handshakes import hostile_server
from tests.oauth.hosts import ask_elsewhere, order_for, respond


def refusal(url: str) -> str:
    with pytest.raises(FetchError) as error:
        fetch.fetch(url, accept="application/json", allowed_hosts=["localhost"])
    return str(error.value)


def test_query_of_the_uri_is_sent(host):
    host.answer = respond("ok")
    assert fetch.fetch(host.uri + "?a=b", accept="text/plain", allowed_hosts=["localhost"]) == b"ok"
    assert host.requests[0].startswith(b"GET /jwks.json?a=b HTTP/1.1\r\n")
    assert fetch.fetch(f"https://localhost:{host.port}", accept="text/plain", allowed_hosts=["localhost"]) == b"ok"
    assert host.requests[1].startswith(b"GET / HTTP/1.1\r\n")


def test_operator_learns_which_of_both_it_is():
    for name, cause in (("nowhere.invalid", "has no address"), ("localhost", "has an address that isn't public")):
        with pytest.raises(FetchError) as error:
            fetch.fetch(f"https://{name}/", accept="*/*", allowed_hosts=[])
        assert error.value.cause == f"{name} {cause}"


@pytest.mark.parametrize("uri", ["http://localhost/", "ftp://localhost/", "https://", "https://a@localhost/", "https://localhost/#a", "https://[::1", "https://localhost:0/",
                                 "https://lócalhost/", "https://localhost/a b", "https://localhost/\r\nX: y"])  # fmt: skip
def test_uri_that_no_service_writes(uri):
    assert "isn't an https URL" in refusal(uri)


@pytest.mark.apart
@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "204 No Content", "404 Not Found", "500 Oops"])
def test_status_that_is_not_200(host, status):
    host.answer = respond("{}", status, f"Location: {host.uri}/other\r\n")
    assert f"status {status[:3]}" in refusal(host.uri)
    assert len(host.requests) == 1


def test_proxy_of_the_environment_is_not_asked(host, monkeypatch):
    host.answer = respond("ok")
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch.fetch(host.uri, accept="*/*", allowed_hosts=["localhost"]) == b"ok"


def test_octets_come_through_as_they_are(host):
    host.answer = respond(bytes(range(256)) * 256)
    assert fetch.fetch(host.uri, accept="*/*", allowed_hosts=["localhost"]) == bytes(range(256)) * 256


def drip(connection: ssl.SSLSocket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(100):
        connection.sendall(b" ")
        time.sleep(0.1)


@pytest.mark.long
@pytest.mark.parametrize("answer", [lambda _: time.sleep(10), drip], ids=["silent", "slow drip"])
def test_slow_answer_ends_with_the_time_limit_as_a_whole(host, monkeypatch, answer):
    monkeypatch.setattr(fetch, "TIMEOUT", 1)
    host.answer = answer
    begun = time.monotonic()
    assert "longer than 1 s" in refusal(host.uri)
    assert 0.9 < time.monotonic() - begun < 1.5


def test_no_time_left_is_no_time(host, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0)
    assert "took longer" in refusal(host.uri)


def test_slow_handshake_ends_with_the_time_limit(host, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.4)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        assert "took longer" in refusal(f"https://localhost:{silent.getsockname()[1]}/")
        assert time.monotonic() - begun < 1


# Whatever it does


@pytest.fixture
def hostile_port():
    with hostile_server() as port:
        yield port


def test_server_whose_certificates_take_a_minute_to_read_ends_with_the_time_limit(hostile_port, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.5)
    begun = time.monotonic()
    assert "took longer" in refusal(f"https://localhost:{hostile_port}/")
    assert time.monotonic() - begun < 10
    assert fetch._kept == []


def processes() -> set[int]:
    return {helper._process.pid for helper in fetch._kept}


@pytest.mark.long
def test_process_is_kept_for_the_next_request_and_no_more_than_two_are(host):
    fetch.end_kept()
    host.answer = respond("ok")
    ask_elsewhere(host.uri)
    first = processes()
    ask_elsewhere(host.uri)
    assert processes() == first
    opened = threading.Event()
    host.answer = lambda connection: (opened.wait(5), respond("ok")(connection))
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(fetch.send, "GET", host.uri, headers={}, timeout=30) for _ in range(3)]
        while len(host.requests) < 5:
            time.sleep(0.01)
        opened.set()
        assert [future.result().body for future in asked] == [b"ok"] * 3
    assert len(processes()) == 2
    assert first < processes() or not first & processes()


@pytest.mark.long
@pytest.mark.parametrize("change", ["killed", "idle for long", "another environment"])
def test_process_that_is_no_good_any_more_is_replaced(host, monkeypatch, change):
    fetch.end_kept()
    host.answer = respond("ok")
    assert ask_elsewhere(host.uri) == "ok"
    (pid,) = processes()
    if change == "killed":
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    elif change == "idle for long":
        fetch._kept[0].idle_since -= exchange.KEPT / 2
    else:
        monkeypatch.setenv("SSL_CERT_DIR", "/")
    assert ask_elsewhere(host.uri) == "ok"
    assert processes().isdisjoint({pid})


def test_process_knows_nothing_of_our_environment(host, monkeypatch):
    fetch.end_kept()
    monkeypatch.setenv("KEY_ENCRYPTION_KEYS", "a secret")
    host.answer = respond("ok")
    assert ask_elsewhere(host.uri) == "ok"
    (pid,) = processes()
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"SSL_CERT_FILE=" in environment
    assert b"a secret" not in environment


@pytest.mark.parametrize("script", [None, "read order; exit 1", "echo rubbish", "head -c 900000 /dev/zero; sleep 60"])
def test_process_that_does_not_start_or_talks_nonsense_is_an_error_that_says_so(host, monkeypatch, tmp_path, script):
    fetch.end_kept()
    program = tmp_path / "python"
    if script:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    assert "couldn't be started, or it ended" in refusal(host.uri)
    assert fetch._kept == []


@pytest.mark.long
def test_process_ends_by_itself_when_nobody_is_there_to_end_it():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        order = {**order_for(f"https://localhost:{silent.getsockname()[1]}/"), "timeout": 1}
        with Popen([sys.executable, "-I", "-S", exchange.__file__], stdin=PIPE, stdout=PIPE) as process:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
            assert process.stdout.read() == b""
        assert process.returncode == -signal.SIGALRM


@pytest.mark.parametrize("may_step_back", [True, False])
def test_process_answers_one_order_after_another_until_there_are_no_more(host, monkeypatch, may_step_back):
    host.answer = respond("ok")
    orders, replies = io.BytesIO(2 * (json.dumps(order_for(host.uri)).encode() + b"\n")), io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=orders))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=replies))
    niceness = []

    def step_back(by):
        niceness.append(by)
        if not may_step_back:
            raise PermissionError

    monkeypatch.setattr(os, "nice", step_back)
    runpy.run_path(exchange.__file__, run_name="__main__")
    assert [json.loads(line)["body"] for line in replies.getvalue().splitlines()] == ["ok", "ok"]
    assert niceness == [5]
