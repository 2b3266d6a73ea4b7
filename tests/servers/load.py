"""Sends requests to a running server: to each worker separately, or to all of them by many threads at once."""

import base64
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import pytest

from tests.servers.conftest import BROKEN, Answer, Server, read_answer
from tests.servers.stores import children

# The state of a TCP connection, as /proc/net/tcp writes it.
ESTABLISHED = "01"

GRANT = {"grant_type": "client_credentials"}


def basic(client_id: str, client_secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class KeptConnection:
    """A connection that stays open, so that one and the same worker answers everything that is asked over it."""

    def __init__(self, server: Server) -> None:
        self.sock = server.connect()

    def close(self) -> None:
        self.sock.close()

    def ask(self, method: str, path: str, *, form: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> Answer:
        body = urlencode(form or {}).encode()
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: localhost",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        if form is not None:
            lines.append("Content-Type: application/x-www-form-urlencoded")
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return read_answer(self.sock, method)

    def get_token(self, client_id: str, client_secret: str, **parameters: str) -> Answer:
        return self.ask("POST", "/oauth2/token", form={**GRANT, **parameters}, headers=basic(client_id, client_secret))

    def introspect(self, token: str, *, client: dict[str, Any]) -> bool:
        """Whether it is active, as the client is told."""
        answer = self.ask("POST", "/oauth2/introspect", form={"token": token}, headers=basic(client["client_id"], client["client_secret"]))
        assert answer.status == 200, answer
        return bool(answer.json()["active"])


def find_worker(connection: KeptConnection, port: int, workers: list[int]) -> int:
    """Which of the processes holds the server's end of the connection."""
    ends = (f":{port:04X}", f":{connection.sock.getsockname()[1]:04X}")
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    # It is a set, because a line may appear twice while others come and go.
    [inode] = {columns[9] for columns in lines if columns[1].endswith(ends[0]) and columns[2].endswith(ends[1]) and columns[3] == ESTABLISHED}
    for pid in workers:
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                if str(file.readlink()) == f"socket:[{inode}]":
                    return pid
    raise AssertionError(f"None of the processes {workers} holds the connection.")


@contextmanager
def every_worker(server: Server) -> Iterator[list[KeptConnection]]:
    """One connection to each worker of the server. Those that have theirs are stopped for a moment, so that another one accepts the next."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("Which worker holds a connection can be seen on Linux only.")
    assert server.process is not None
    workers = children(server.process.pid)
    assert len(workers) == int(server.environment["WEB_CONCURRENCY"])
    connections: list[KeptConnection] = []
    stopped: list[int] = []
    try:
        while len(connections) < len(workers):
            connections.append(KeptConnection(server))
            stopped.append(find_worker(connections[-1], server.port, [pid for pid in workers if pid not in stopped]))
            os.kill(stopped[-1], signal.SIGSTOP)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        yield connections
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        for connection in connections:
            connection.close()


@dataclass(frozen=True)
class Sent:
    """One token request. status: 0 where the connection broke. began, ended: seconds since the epoch."""

    client_secret: str
    began: float
    ended: float
    status: int
    body: bytes

    @property
    def token(self) -> str:
        return str(json.loads(self.body)["access_token"])


class Load:
    """Token requests at a steady rate from several threads, each over a connection of its own, while the with block runs.

    choose: given this object, returns the ID and the secret for the next request, or None for no request.
    """

    def __init__(self, server: Server, choose: Callable[["Load"], tuple[str, str] | None], *, rate: int = 40, threads: int = 4) -> None:
        self.server, self.choose, self.pause = server, choose, threads / rate
        self.sent: list[Sent] = []
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        self.ended = threading.Event()
        self.began = 0.0

    def __enter__(self) -> Self:
        self.began = time.time()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.seconds = time.time() - self.began
        self.ended.set()
        for thread in self.threads:
            thread.join(40)

    def wait(self, seconds: float) -> None:
        """Go on for so long, and at least until some requests are answered."""
        last = time.monotonic() + seconds
        while time.monotonic() < last or not any(sent.status for sent in list(self.sent)):
            assert time.monotonic() < last + 30
            time.sleep(0.01)

    @property
    def rate(self) -> float:
        return len(self.sent) / self.seconds

    @property
    def failed(self) -> list[Sent]:
        return [sent for sent in self.sent if sent.status != 200]

    def _run(self) -> None:
        connection: KeptConnection | None = None
        due = time.monotonic()
        while not self.ended.wait(max(due - time.monotonic(), 0)):
            due += self.pause
            chosen = self.choose(self)
            if chosen is None:
                continue
            client_id, client_secret = chosen
            began = time.time()
            try:
                connection = connection or KeptConnection(self.server)
                answer = connection.get_token(client_id, client_secret)
            except BROKEN as error:
                answer = Answer(0, {}, repr(error).encode())
                if connection is not None:
                    connection.close()
                connection = None
            self.sent.append(Sent(client_secret, began, time.time(), answer.status, answer.body))
        if connection is not None:
            connection.close()


def ask_at_once(server: Server, count: int, ask: Callable[[KeptConnection], Answer]) -> list[tuple[float, Answer]]:
    """How long each took, and its answer: count of them at the same time, each by a connection of its own."""
    answers: list[tuple[float, Answer]] = []

    def run() -> None:
        connection = KeptConnection(server)
        connection.sock.settimeout(60)
        began = time.monotonic()
        with suppress(*BROKEN):
            answer = ask(connection)
            answers.append((time.monotonic() - began, answer))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
