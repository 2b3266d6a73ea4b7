"""At SIGTERM, running requests are finished, idle connections are closed, and buffered usage is written."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.conftest import Server, read_answer
from tests.servers.stores import children

BODY = b"grant_type=client_credentials&client_id=0123456789abcdef&client_secret=x"
# This is well below gunicorn's graceful_timeout of 30 seconds, after which it kills workers.
NOT_KILLED = 15
HEAD = b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(BODY)


@pytest.fixture(scope="module")
def installation(make_server: Callable[..., Server]) -> Server:
    return make_server(start=False)


@pytest.fixture
def stoppable(installation: Server) -> Server:
    """It runs."""
    if installation.process is None or installation.process.poll() is not None:
        installation.start()
    return installation


def test_sigterm_of_one_worker_loses_no_request(stoppable: Server) -> None:
    """As when a worker is replaced: the other serves, and the master starts a new one."""
    assert stoppable.process is not None
    for round_number in range(60):
        if round_number % 20 == 10:
            stoppable.process.send_signal(signal.SIGHUP)
        assert stoppable.get("/healthz").status_code == 200


def test_stopping_writes_the_usage_that_is_buffered_and_a_new_start_keeps_data_and_keys(stoppable: Server) -> None:
    keys, authority = stoppable.get("/.well-known/jwks.json").json(), stoppable.ca.read_bytes()
    client = stoppable.manage("create_client", "--workspace", "demo", "--name", "Robot")
    answer = stoppable.post("/oauth2/token", auth=(client["client_id"], client["client_secret"]), data={"grant_type": "client_credentials"})
    assert answer.status_code == 200
    assert stoppable.stop() == 0
    assert stoppable.count_usage(client["client_id"]) == 1
    stoppable.start()
    assert stoppable.get("/.well-known/jwks.json").json() == keys
    assert stoppable.ca.read_bytes() == authority


def test_sigterm_finishes_requests_in_flight(stoppable: Server) -> None:
    server = stoppable
    assert server.process is not None
    idle = [server.connect() for _ in range(10)]
    served = server.connect()
    served.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert read_answer(served).status == 200
    in_flight = [server.connect() for _ in range(10)]
    for sock in in_flight:
        sock.sendall(HEAD + BODY[:20])
    time.sleep(0.3)
    server.process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    time.sleep(1)
    for sock in in_flight:
        sock.sendall(BODY[20:])
        answer = read_answer(sock)
        assert answer.status == 401
        assert answer.headers["connection"] == "close"
    assert server.process.wait(30) == 0
    assert time.monotonic() - begun < NOT_KILLED
    for sock in [*idle, served]:
        assert sock.recv(1) == b""
    for sock in [*idle, served, *in_flight]:
        sock.close()
    assert not server.is_listening()


def test_sigterm_while_workers_start_is_heard(installation: Server) -> None:
    for delay in (0.3, 0.6, 0.9):
        installation.start(wait=False)
        time.sleep(delay)
        begun = time.monotonic()
        installation.stop()
        assert time.monotonic() - begun < NOT_KILLED


SLOW_FORK = """
import time
from dashboard import gunicorn
from dashboard.gunicorn import *

def post_fork(server, worker):
    time.sleep(1)
    gunicorn.post_fork(server, worker)
"""


# One more of the moments that the test before this one tries.
@pytest.mark.slow
def test_sigterm_just_after_the_fork_is_heard(installation: Server, tmp_path: Path) -> None:
    configuration = tmp_path / "slow_fork.py"
    configuration.write_text(SLOW_FORK)
    installation.start(configuration=str(configuration), wait=False)
    assert installation.process is not None
    last = time.monotonic() + 30
    while len(children(installation.process.pid)) < 2:
        assert time.monotonic() < last
        time.sleep(0.05)
    begun = time.monotonic()
    installation.stop()
    assert time.monotonic() - begun < NOT_KILLED
