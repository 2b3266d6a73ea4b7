"""Connections to PostgreSQL that enforce a deadline for statements on the client's side, and that remember which host hangs.

Neither tcp_user_timeout nor statement_timeout ends the wait for a frozen server process: its kernel still acknowledges data, and the server itself would have
to run statement_timeout. psycopg's waits can be limited. After such a timeout the connection is in an unknown state, so it is closed.

If one of several hosts hangs, it is tried last, and only by one thread at a time: all others get an error at once instead of waiting, until it answers again.

Private names of psycopg 3.3 used here: errors._WaitTimeout.
"""

import logging
from threading import Lock
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import PQGen

from oauth.patience import Patience, patience

_RV = TypeVar("_RV")

logger = logging.getLogger("tokenos.database")


class Host:
    """silent_since: when it stopped answering, as far as this process knows; 0.0 if it answers. answered_at: the time of the last answer."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.silent_since = 0.0
        self.answered_at = 0.0
        self.trying = Lock()

    def give_up(self, began: float) -> None:
        """Call it if the host hasn't answered a request sent at that time. If it has answered later requests, it is only slow."""
        if self.answered_at < began and not self.silent_since:
            self.silent_since = began
            logger.error("The database doesn't answer: %s. Connections to it are opened by one thread at a time until it does.", self.name)

    def note_answer(self) -> None:
        if self.silent_since:
            self.silent_since = 0.0
            logger.info("The database answers again: %s.", self.name)


_hosts: dict[tuple[str, str], Host] = {}


class Connection(psycopg.Connection[Any]):
    """connect sets host and patience. patience: that of the thread that opened the connection, the only one that uses it. answered_at: by time.monotonic()."""

    host: Host
    patience: Patience | None = None
    answered_at = 0.0

    def wait(self, gen: PQGen[_RV], interval: float = 0.1, timeout: float | None = None) -> _RV:
        """Raise OperationalError if the answer doesn't come in time, or if the host has stopped answering since this connection's last answer."""
        mine, host = self.patience, self.host
        if mine is None:
            return super().wait(gen, interval, timeout)
        if self.answered_at < host.silent_since:
            self.pgconn.finish()
            raise psycopg.OperationalError("timeout expired: the server doesn't answer other connections")
        mine.waits_since = began = monotonic()
        try:
            answer = super().wait(gen, interval, mine.statement if timeout is None else timeout)
        except errors._WaitTimeout:
            self.pgconn.finish()
            host.give_up(began)
            raise psycopg.OperationalError(f"timeout expired: no answer within {mine.statement:.0f} s") from None
        finally:
            mine.waits_since = 0.0
        self.answered_at = host.answered_at = monotonic()
        if host.silent_since:
            host.note_answer()
        return answer


def connect(**parameters: Any) -> Connection:
    """Call psycopg.connect for each host in turn, hanging hosts last. Raise the last one's OperationalError."""
    hosts = _find_hosts(parameters)
    failed: psycopg.OperationalError = psycopg.OperationalError("timeout expired: every server hangs, and another thread is checking whether it still does")
    for (name, port), host in sorted(hosts, key=lambda found: found[1].silent_since > 0):
        if not host.silent_since:
            attempt = _connect
        elif host.trying.acquire(blocking=False):
            attempt = _try
        else:
            continue
        try:
            return attempt(host, {**parameters, **({"host": name} if name else {}), **({"port": port} if port else {})})
        except psycopg.OperationalError as error:
            failed = error
    raise failed


def _find_hosts(parameters: dict[str, Any]) -> list[tuple[tuple[str, str], Host]]:
    """The hosts in the order of the URL. A single port applies to all hosts (libpq, “Specifying Multiple Hosts”)."""
    names = str(parameters.get("host", "")).split(",")
    ports = str(parameters.get("port", "")).split(",")
    places = [(name, ports[number] if len(ports) > 1 else ports[0]) for number, name in enumerate(names)]
    return [(place, _hosts.setdefault(place, Host(f"{place[0] or 'local socket'}:{place[1] or 5432}"))) for place in places]


def _try(host: Host, parameters: dict[str, Any]) -> Connection:
    try:
        return _connect(host, parameters)
    finally:
        host.trying.release()


def _connect(host: Host, parameters: dict[str, Any]) -> Connection:
    mine = patience()
    mine.waits_since = began = monotonic()
    try:
        connection = Connection.connect(**parameters)
    except psycopg.errors.ConnectionTimeout:
        host.give_up(began)
        raise
    except psycopg.OperationalError:
        # The host refuses, so it is alive.
        host.note_answer()
        raise
    finally:
        mine.waits_since = 0.0
    host.note_answer()
    connection.host, connection.patience, connection.answered_at = host, mine, monotonic()
    return connection
