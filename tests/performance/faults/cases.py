"""The faults: the beginning and the end of each. A fault lasts as long as its with block. For a failover, the block begins once there is a new primary."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass

from tests.faked_clock import set_clock
from tests.performance.faults import installations
from tests.performance.faults.cluster import wait_for
from tests.performance.faults.installations import Nodes
from tests.performance.faults.processes import find_tree, frozen, signal_all
from tests.performance.servers import BenchError, Server

# This is longer than any deadline of the product, so that a missing deadline shows.
FROZEN_SECONDS = 9.0
FAILOVER_SECONDS = 60


@dataclass(frozen=True)
class Case:
    """installation: the function that makes it. seconds: for which the fault lasts. limits: whether no request may wait longer than MAX, as is promised
    where something that TokenOS depends on is frozen. is_failover: tokens must flow within RECOVERY of the new primary."""

    name: str
    installation: Callable[..., Nodes]
    fault: Callable[[Nodes], AbstractContextManager[None]]
    seconds: float = 6.0
    limits: bool = False
    is_failover: bool = False
    # The clock of the node that replaces the second one is ahead by this many seconds.
    clock: int = 0


@contextmanager
def nothing(_nodes: Nodes) -> Iterator[None]:
    yield


@contextmanager
def worker_killed(nodes: Nodes) -> Iterator[None]:
    os.kill(nodes.servers[0].find_workers()[0], signal.SIGKILL)
    yield


def _restart(server: Server) -> None:
    assert server.process is not None
    server.process.wait(10)
    server.start()


@contextmanager
def node_killed(nodes: Nodes) -> Iterator[None]:
    server = nodes.servers[0]
    assert server.process is not None
    signal_all(find_tree(server.process.pid), signal.SIGKILL)
    yield
    _restart(server)


@contextmanager
def node_frozen(nodes: Nodes) -> Iterator[None]:
    assert nodes.servers[0].process is not None
    with frozen(nodes.servers[0].process.pid):
        yield


@contextmanager
def redis_killed(nodes: Nodes) -> Iterator[None]:
    assert nodes.redis is not None
    nodes.redis.stop()
    yield
    nodes.redis.start()


@contextmanager
def redis_frozen(nodes: Nodes) -> Iterator[None]:
    assert nodes.redis is not None
    assert nodes.redis.process is not None
    with frozen(nodes.redis.process.pid):
        yield


@contextmanager
def etcd_frozen(nodes: Nodes) -> Iterator[None]:
    assert nodes.cluster is not None
    assert nodes.cluster.etcd_process is not None
    with frozen(nodes.cluster.etcd_process.pid):
        yield


@contextmanager
def etcd_killed(nodes: Nodes) -> Iterator[None]:
    assert nodes.cluster is not None
    assert nodes.cluster.etcd_process is not None
    nodes.cluster.etcd_process.kill()
    nodes.cluster.etcd_process.wait(10)
    yield
    nodes.cluster.start_etcd()


@contextmanager
def standby_killed(nodes: Nodes) -> Iterator[None]:
    assert nodes.cluster is not None
    standby = nodes.cluster.standby
    standby.kill()
    yield
    standby.start()


@contextmanager
def standby_frozen(nodes: Nodes) -> Iterator[None]:
    assert nodes.cluster is not None
    with frozen(*nodes.cluster.standby.pids()):
        yield


@contextmanager
def primary_killed(nodes: Nodes) -> Iterator[None]:
    assert nodes.cluster is not None
    old, new = nodes.cluster.primary, nodes.cluster.standby
    old.kill()
    wait_for("A new primary", new.takes_writes, seconds=FAILOVER_SECONDS)
    yield
    old.start()


@contextmanager
def primary_frozen(nodes: Nodes) -> Iterator[None]:
    assert nodes.cluster is not None
    old, new = nodes.cluster.primary, nodes.cluster.standby
    with frozen(*old.pids()):
        wait_for("A new primary", new.takes_writes, seconds=FAILOVER_SECONDS)
        yield
        # This does a watchdog's work: a Patroni before 3.0.3 that thaws may overwrite the new leader's lock before it has read it (patroni/patroni#2689).
        old.end_patroni()
    old.start()


@contextmanager
def clock_ahead(nodes: Nodes, seconds: int) -> Iterator[None]:
    said = nodes.do_background_work(seconds)
    if "Nothing was removed" not in said:
        raise BenchError(f"prune didn't refuse with a clock {seconds} s off: {said}")
    yield
    set_clock(nodes.clock, 0)


@contextmanager
def disk_full(nodes: Nodes) -> Iterator[None]:
    """A worker that begins meanwhile must do without room as well."""
    assert nodes.disk is not None
    nodes.disk.fill()
    os.kill(nodes.servers[0].find_workers()[0], signal.SIGKILL)
    yield
    nodes.disk.make_room()


@contextmanager
def pgbouncer_killed(nodes: Nodes) -> Iterator[None]:
    assert nodes.bouncer is not None
    nodes.bouncer.kill()
    yield
    nodes.bouncer.start()


@contextmanager
def pgbouncer_frozen(nodes: Nodes) -> Iterator[None]:
    assert nodes.bouncer is not None
    assert nodes.bouncer.process is not None
    with frozen(nodes.bouncer.process.pid):
        yield


@contextmanager
def postgresql_killed(nodes: Nodes) -> Iterator[None]:
    assert nodes.postgresql is not None
    assert nodes.postgresql.process is not None
    signal_all(find_tree(nodes.postgresql.process.pid), signal.SIGKILL)
    nodes.postgresql.process.wait(10)
    yield
    nodes.postgresql.start()


@contextmanager
def postgresql_frozen(nodes: Nodes) -> Iterator[None]:
    assert nodes.postgresql is not None
    assert nodes.postgresql.process is not None
    with frozen(nodes.postgresql.process.pid):
        yield


@contextmanager
def postgresql_disk_full(nodes: Nodes) -> Iterator[None]:
    assert nodes.postgresql_disk is not None
    assert nodes.postgresql is not None
    assert nodes.postgresql.process is not None
    nodes.postgresql_disk.fill()
    yield
    nodes.postgresql_disk.make_room()
    # It gives up if it can't write its own log.
    time.sleep(1)
    if nodes.postgresql.process.poll() is not None:
        nodes.postgresql.start()


@contextmanager
def sqlite_locked(nodes: Nodes) -> Iterator[None]:
    with closing(sqlite3.connect(nodes.environment["DATABASE_URL"].removeprefix("sqlite:///"), timeout=20, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        yield
        writer.execute("ROLLBACK")


def _clock(name: str, installation: Callable[..., Nodes], seconds: int) -> Case:
    return Case(name, installation, lambda nodes: clock_ahead(nodes, seconds), clock=seconds)


POSTGRESQL, PGBOUNCER = installations.install_with_postgresql, installations.install_with_pgbouncer
PATRONI, SQLITE = installations.install_with_patroni, installations.install_with_sqlite

CASES = (
    Case("quiet", POSTGRESQL, nothing),
    Case("worker-killed", POSTGRESQL, worker_killed),
    Case("node-killed", POSTGRESQL, node_killed),
    Case("node-frozen", POSTGRESQL, node_frozen),
    Case("node-disk-full", POSTGRESQL, disk_full),
    _clock("clock-1h-ahead", POSTGRESQL, 3600),
    _clock("clock-3h-ahead", POSTGRESQL, 3 * 3600),
    _clock("clock-1h-behind", POSTGRESQL, -3600),
    Case("postgresql-killed", POSTGRESQL, postgresql_killed),
    Case("postgresql-frozen", POSTGRESQL, postgresql_frozen, FROZEN_SECONDS, limits=True),
    Case("postgresql-disk-full", POSTGRESQL, postgresql_disk_full),
    Case("pgbouncer-killed", PGBOUNCER, pgbouncer_killed),
    Case("pgbouncer-frozen", PGBOUNCER, pgbouncer_frozen, FROZEN_SECONDS, limits=True),
    Case("behind-pgbouncer-killed", PGBOUNCER, postgresql_killed),
    Case("behind-pgbouncer-frozen", PGBOUNCER, postgresql_frozen, FROZEN_SECONDS, limits=True),
    Case("redis-killed", PATRONI, redis_killed),
    Case("redis-frozen", PATRONI, redis_frozen, FROZEN_SECONDS, limits=True),
    Case("etcd-killed", PATRONI, etcd_killed),
    Case("etcd-frozen", PATRONI, etcd_frozen, FROZEN_SECONDS, limits=True),
    Case("standby-killed", PATRONI, standby_killed, FROZEN_SECONDS),
    Case("standby-frozen", PATRONI, standby_frozen, FROZEN_SECONDS, limits=True),
    Case("primary-killed", PATRONI, primary_killed, is_failover=True),
    Case("primary-frozen", PATRONI, primary_frozen, limits=True, is_failover=True),
    Case("sqlite-worker-killed", SQLITE, worker_killed),
    Case("sqlite-locked", SQLITE, sqlite_locked, FROZEN_SECONDS, limits=True),
    Case("sqlite-disk-full", SQLITE, disk_full),
    _clock("sqlite-clock-3h-ahead", SQLITE, 3 * 3600),
)
