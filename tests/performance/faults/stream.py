"""A bounded stream of valid requests to several nodes, and a record of the responses: acknowledged changes must hold, now and afterwards.

Each thread asks one node, a few times a second, each time over a new connection. Only a caller's view counts.
"""

import base64
import http.client
import json
import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock, Thread
from typing import TypeVar
from urllib.parse import urlencode

from tests.performance.assertions import Programs
from tests.performance.servers import Server
from tests.servers.forks import Forks

# Requests of each thread per second.
ROUNDS = 4
# This is longer than any allowed wait.
PATIENCE = 20.0
BASIC_FORM = "grant_type=client_credentials"
BROKEN = (OSError, http.client.HTTPException)
# An assertion of tests.performance.assertions is valid for this long; one that is about to expire proves nothing.
USED_FOR = 240.0
# The number of tokens and assertions that are checked afterwards at each node.
LOOKED_AT = 60

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Sent:
    """began, ended: seconds of time.monotonic()."""

    node: int
    began: float
    ended: float
    is_token: bool
    is_good: bool


@dataclass
class Account:
    """used: assertions by which a token was given out, with the moment. revoked, clients: what was acknowledged."""

    sent: list[Sent] = field(default_factory=list)
    used: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=5000))
    revoked: list[str] = field(default_factory=list)
    clients: list[tuple[str, str]] = field(default_factory=list)
    revoked_accepted: int = 0
    used_twice: int = 0


def ask(node: Server, path: str, form: str, credentials: tuple[str, str] | None = None) -> tuple[int, bytes]:
    """Status 0 where the connection broke or nothing came."""
    headers = {"X-Forwarded-Proto": "https", "Content-Type": "application/x-www-form-urlencoded", "Connection": "close"}
    if credentials is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(credentials).encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=PATIENCE)
    try:
        connection.request("POST", path, form, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except BROKEN:
        return 0, b""
    finally:
        connection.close()


def is_active(node: Server, token: str, credentials: tuple[str, str]) -> bool | None:
    """None where it wasn't said."""
    status, body = ask(node, "/oauth2/introspect", urlencode({"token": token}), credentials)
    return bool(json.loads(body)["active"]) if status == 200 else None


def can_get_token(node: Server, credentials: tuple[str, str]) -> bool | None:
    """None where it wasn't said."""
    return {200: True, 401: False}.get(ask(node, "/oauth2/token", BASIC_FORM, credentials)[0])


class Stream:
    """forks: of the installation, by which clients are made meanwhile; None for none."""

    def __init__(self, nodes: list[Server], credentials: list[tuple[str, str]], programs: Programs, forks: Forks | None) -> None:
        self.nodes = nodes
        self.credentials = credentials
        self.programs = programs
        self.forks = forks
        self.account = Account()
        self._lock = Lock()
        self._ended = Event()
        self._threads: list[Thread] = []
        self._unrevoked: deque[str] = deque(maxlen=50)

    def start(self) -> None:
        for node in range(len(self.nodes)):
            # Requests that only read don't wait behind those that write.
            self._threads += [Thread(target=loop, args=[node], daemon=True) for loop in (self._read, self._write)]
        if self.forks is not None:
            self._threads.append(Thread(target=self._make_clients, args=[self.forks], daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE)

    def _pauses(self) -> Iterator[None]:
        while not self._ended.wait(random.uniform(0.5, 1.5) / ROUNDS):
            yield

    def _read(self, node: int) -> None:
        for _ in self._pauses():
            token = self._get_token(node)
            if token:
                self._unrevoked.append(token)
            self._introspect(node)

    def _write(self, node: int) -> None:
        for _ in self._pauses():
            self._use_assertion(node)
            self._replay(node)
            self._revoke(node)

    def _send(self, node: int, path: str, form: str, credentials: tuple[str, str] | None, *, wanted: int, is_token: bool = False) -> tuple[int, bytes]:
        began = time.monotonic()
        status, body = ask(self.nodes[node], path, form, credentials)
        with self._lock:
            self.account.sent.append(Sent(node, began, time.monotonic(), is_token, status == wanted))
        return status, body

    def _get_token(self, node: int) -> str:
        status, body = self._send(node, "/oauth2/token", BASIC_FORM, self.credentials[0], wanted=200, is_token=True)
        return str(json.loads(body)["access_token"]) if status == 200 else ""

    def _use_assertion(self, node: int) -> None:
        [form] = self.programs.assertions(1)
        made = time.monotonic()
        if self._send(node, "/oauth2/token", form, None, wanted=200, is_token=True)[0] == 200:
            self.account.used.append((made, form))

    def _revoke(self, node: int) -> None:
        token = self._unrevoked.popleft() if self._unrevoked else ""
        if token and self._send(node, "/oauth2/revoke", urlencode({"token": token}), self.credentials[0], wanted=200)[0] == 200:
            with self._lock:
                self.account.revoked.append(token)

    def _introspect(self, node: int) -> None:
        with self._lock:
            token = random.choice(self.account.revoked[-LOOKED_AT:] or [""])
        if token:
            status, body = self._send(node, "/oauth2/introspect", urlencode({"token": token}), self.credentials[0], wanted=200)
            if status == 200 and json.loads(body)["active"]:
                with self._lock:
                    self.account.revoked_accepted += 1

    def _replay(self, node: int) -> None:
        form = self._choose_used()
        # A refusal because of too many failures proves nothing, so this asks rarely; 429 counts as failed.
        if form and self._send(node, "/oauth2/token", form, None, wanted=401)[0] == 200:
            with self._lock:
                self.account.used_twice += 1

    def _choose_used(self) -> str:
        used = [form for made, form in list(self.account.used) if time.monotonic() - made < USED_FOR]
        return random.choice(used) if used else ""

    def _make_clients(self, forks: Forks) -> None:
        while not self._ended.wait(1):
            done = forks.run("create_client", "--workspace", "demo", "--name", "made meanwhile", "--json")
            if done.returncode == 0:
                made = json.loads(done.stdout)
                self.account.clients.append((made["client_id"], made["client_secret"]))

    def has_answered_well(self, node: int, since: float) -> bool:
        """Whether it has given out a token that was asked for since then."""
        with self._lock:
            return any(sent.node == node and sent.is_token and sent.is_good and sent.began >= since for sent in reversed(self.account.sent))


def look_again(account: Account, nodes: list[Server], credentials: tuple[str, str]) -> tuple[int, int]:
    """Afterwards, at each node: how many acknowledged changes are missing, and how many used assertions are taken again."""
    lost = sum(_retry(partial(is_active, node, token, credentials)) is not False for node in nodes for token in _some(account.revoked))
    lost += sum(_retry(partial(can_get_token, node, made)) is not True for node in nodes for made in _some(account.clients))
    recent = [form for made, form in account.used if time.monotonic() - made < USED_FOR]
    return lost, sum(ask(node, "/oauth2/token", form)[0] == 200 for node in nodes for form in _some(recent))


def _some(found: list[_T]) -> list[_T]:
    return random.sample(found, min(len(found), LOOKED_AT))


def _retry(question: Callable[[], _T | None]) -> _T | None:
    """A node that doesn't answer hasn't lost anything yet."""
    for _ in range(20):
        answer = question()
        if answer is not None:
            return answer
        time.sleep(0.25)
    return None
