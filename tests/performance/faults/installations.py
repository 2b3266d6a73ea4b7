"""Two nodes with two workers each that share a database: PostgreSQL, with Patroni, behind a PgBouncer, or SQLite on one machine."""

import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.faked_clock import faked_clock
from tests.performance import servers
from tests.performance.assertions import Programs
from tests.performance.faults.cluster import Cluster, PgBouncer, make_folder
from tests.performance.load import read_credentials
from tests.performance.servers import Server
from tests.ports import free_port
from tests.servers.forks import Forks
from tests.servers.stores import PostgreSQL, Redis

WORKERS = 2
NODES = 2
# The size of disks that are filled: as much as needed, but quick to fill.
DISK_MB = 160


@dataclass
class Disk:
    """A tmpfs of its own, which only root can make."""

    folder: Path

    def fill(self) -> None:
        with (self.folder / "filling").open("wb") as file:
            try:
                while True:
                    file.write(bytes(65536))
                    file.flush()
            except OSError:
                return

    def make_room(self) -> None:
        (self.folder / "filling").unlink()


def mount(folder: Path, stack: ExitStack) -> Disk | None:
    """None where this user may not."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return None
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0777", "tmpfs", str(folder)], capture_output=True, check=False)
    if done.returncode:
        return None
    stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=False)
    return Disk(folder)


@dataclass
class Nodes:
    """An installation that serves. disk: on which the data of its nodes, and with SQLite the database, are. clock: the file of the third node's clock."""

    servers: list[Server]
    environment: dict[str, str] = field(repr=False)
    credentials: list[tuple[str, str]] = field(repr=False)
    programs: Programs = field(repr=False)
    forks: Forks = field(repr=False)
    make_server: Callable[[str], Server] = field(repr=False)
    clock: Path
    disk: Disk | None
    redis: Redis | None = None
    cluster: Cluster | None = None
    bouncer: PgBouncer | None = None
    postgresql: PostgreSQL | None = None
    postgresql_disk: Disk | None = None

    def start_with_wrong_clock(self, seconds: int) -> Server:
        """A third node, whose clock is so far ahead until somebody sets it by the file."""
        server = self.make_server("wrong-clock")
        server.environment |= faked_clock(self.clock, seconds=seconds)
        server.start()
        return server

    def do_background_work(self, seconds: int) -> str:
        """All of it that is due, and prune by hand, in a process whose clock is so far ahead. Returns what prune printed."""
        environment = {**self.environment, **faked_clock(self.clock.with_suffix(".work"), seconds=seconds), "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
        return servers.run(["-m", "tests.performance.faults.background_work"], environment)


def install(directory: Path, stack: ExitStack, *, database_url: str = "", redis: Redis | None = None) -> Nodes:
    """database_url: "" for SQLite, on the disk of the nodes."""
    disk = mount(directory / "disk", stack)
    url = database_url or f"sqlite:///{directory}/disk/tokenos.sqlite3"
    installation, _ = servers.install(directory / "installation", clients=2, known=2, database_url=url)
    # Requests that are replayed on purpose count as failures, all from one address.
    more = {"FAILURES_PER_CLIENT": "1000000", "FAILURES_PER_ADDRESS": "1000000", "CACHE_URL": redis.url if redis else ""}
    installation = replace(installation, environment=installation.environment | more)
    programs = installation.create_programs(2)

    def make_server(name: str) -> Server:
        server = installation.server(name, is_tls=False, workers=WORKERS)
        data_dir = directory / "disk" / name
        shutil.copytree(server.directory, data_dir, dirs_exist_ok=True)
        server.environment["DATA_DIR"] = str(data_dir)
        stack.callback(server.stop)
        return server

    nodes = [make_server(f"node{number}") for number in range(NODES)]
    for node in nodes:
        node.start()
    forks = Forks({**installation.environment, "DATA_DIR": nodes[0].environment["DATA_DIR"]})
    stack.callback(forks.close)
    credentials = read_credentials(installation.credentials)
    return Nodes(nodes, installation.environment, credentials, programs, forks, make_server, directory / "clock", disk, redis)


def install_with_patroni(directory: Path, stack: ExitStack) -> Nodes:
    cluster = Cluster.create()
    stack.callback(cluster.remove)
    cluster.start()
    redis = start_redis(directory, stack)
    nodes = install(directory, stack, database_url=cluster.url, redis=redis)
    nodes.cluster = cluster
    return nodes


def install_with_postgresql(directory: Path, stack: ExitStack) -> Nodes:
    postgresql, disk = create_postgresql(stack)
    nodes = install(directory, stack, database_url=postgresql.create_database())
    nodes.postgresql, nodes.postgresql_disk = postgresql, disk
    return nodes


def install_with_pgbouncer(directory: Path, stack: ExitStack) -> Nodes:
    postgresql, disk = create_postgresql(stack)
    database = postgresql.create_database().rpartition("/")[2]
    bouncer = PgBouncer.create(port_of_postgresql=postgresql.port, database=database)
    stack.callback(bouncer.remove)
    bouncer.start()
    nodes = install(directory, stack, database_url=f"postgres://tokenos@127.0.0.1:{bouncer.port}/{database}")
    nodes.bouncer, nodes.postgresql, nodes.postgresql_disk = bouncer, postgresql, disk
    return nodes


def create_postgresql(stack: ExitStack) -> tuple[PostgreSQL, Disk | None]:
    postgresql = PostgreSQL.create(free_port())
    stack.callback(postgresql.remove)
    folder = make_folder("disk")
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    disk = mount(folder, stack)
    if disk is not None:
        move_to(disk, postgresql)
    return postgresql, disk


def move_to(disk: Disk, postgresql: PostgreSQL) -> None:
    postgresql.stop()
    data = postgresql.directory / "data"
    subprocess.run(["cp", "-a", str(data), str(disk.folder / "data")], check=True)
    shutil.rmtree(data)
    data.symlink_to(disk.folder / "data")
    postgresql.start()


def install_with_sqlite(directory: Path, stack: ExitStack) -> Nodes:
    return install(directory, stack)


def start_redis(directory: Path, stack: ExitStack) -> Redis:
    (directory / "redis").mkdir(parents=True)
    redis = Redis(directory / "redis", free_port())
    redis.start()
    stack.callback(redis.stop)
    return redis
