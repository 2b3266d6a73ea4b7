"""The real gunicorn on a free port, with separate data, keys and certificates."""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import requests

from tests.ports import free_port
from tests.servers.forks import Forks
from tests.servers.nursery import ROOT, Child, may_be_forked, nursery
from tests.servers.shared import make_once, run_folder
from tests.servers.stores import PostgreSQL

# The errors of a connection to a server that is killed. SSLSocket raises the second and the third if the peer disappears during the handshake; HTTPResponse
# raises the last if it disappears during a response.
BROKEN = (OSError, ValueError, AttributeError, HTTPException)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """One installation, whose gunicorn can be stopped and started again. Its output collects in the file log."""

    data_dir: Path
    port: int
    tls: bool
    environment: dict[str, str] = field(repr=False)
    process: subprocess.Popen[bytes] | Child | None = None
    forks: Forks | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}"

    @property
    def ca(self) -> Path:
        return self.data_dir / "tls" / "ca.pem"

    @property
    def log(self) -> Path:
        return self.data_dir.parent / "gunicorn.log"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Python with these arguments."""
        if arguments[0] == "-c" or not may_be_forked(self.environment):
            return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120, check=False)
        program = arguments[1:] if arguments[0] == "-m" else (str(ROOT / arguments[0]), *arguments[1:])
        done = nursery().run(*program, environment=self.environment, cwd=ROOT, timeout=120)
        return subprocess.CompletedProcess(arguments, done.returncode, done.stdout.decode(), done.stderr.decode())

    def fork(self, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """As run("manage.py", ...), which loads Django for every command."""
        if self.forks is None or self.forks.environment != self.environment:
            self.close()
            self.forks = Forks(self.environment)
        return self.forks.run(*arguments, cwd=cwd)

    def manage(self, *arguments: str) -> Any:
        """Run a command with --json and return what it printed, parsed."""
        done = self.fork(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, *, descriptors: int = 0, within: Sequence[str] = (), wait: bool = True, configuration: str = "dashboard/gunicorn.py") -> None:
        """descriptors: how many each process may have open, 0 for the usual number. within: the beginning of a command that runs it."""
        limit = ["prlimit", f"--nofile={descriptors}"] if descriptors else []
        with self.log.open("ab") as log:
            if not within and not limit and may_be_forked(self.environment):
                files = {"stdin": 0, "stdout": log.fileno(), "stderr": log.fileno()}
                self.process = nursery().start("gunicorn", "-c", configuration, environment=self.environment, **files)
            else:
                command = [*within, *limit, sys.executable, "-m", "gunicorn", "-c", configuration]
                self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        assert self.process is not None
        last = time.monotonic() + 60
        while time.monotonic() < last:
            assert self.process.poll() is None, self.log.read_text()
            if self.is_healthy():
                return
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def is_healthy(self) -> bool:
        """Not by requests: where the server dies between connection and handshake, ssl leaves the socket open, and out of reach of whoever could close it."""
        try:
            return self.exchange(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", timeout=2).status == 200
        except BROKEN:
            return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def close(self) -> None:
        if self.forks is not None:
            self.forks.close()
            self.forks = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, verify=str(self.ca) if self.tls else True, **{"timeout": 30, **options})

    def post(self, path: str, **options: Any) -> requests.Response:
        return requests.post(self.url + path, verify=str(self.ca) if self.tls else True, **{"timeout": 30, **options})

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    def count_sockets(self) -> list[int]:
        """How many sockets each worker has open."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [sum(os.path.realpath(file).count("socket:") for file in Path(f"/proc/{pid}/fd").iterdir()) for pid in children]

    def read_memory(self, field: str = "VmRSS") -> list[int]:
        """Of each worker, in KB. field: VmHWM for the most that it had."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(re.findall(rf"{field}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) for pid in children]

    def count_usage(self, client_id: str) -> int:
        """How many requests the database says a client has made."""
        of_client = "WHERE client_id = (SELECT id FROM clients_client WHERE client_id = ?)"
        with closing(sqlite3.connect(self.data_dir / "tokenos.sqlite3")) as database:
            return database.execute(f"SELECT COALESCE(SUM(count), 0) FROM clients_usagebucket {of_client}", [client_id]).fetchone()[0]  # type: ignore[no-any-return]

    def is_listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def connect(self, *, tls: bool | None = None, receive_buffer: int = 0, timeout: float = 30, source: str = "127.0.0.1") -> socket.socket:
        """tls: by default as the server is set up. source: the address from which it comes."""
        sock = socket.socket()
        sock.bind((source, 0))
        # Otherwise what follows the handshake would wait 40 ms for the acknowledgement of its end.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(timeout)
        if self.tls if tls is None else tls:
            # This comes before it connects: a failure in between would leave a socket that can't be closed.
            sock = self.context().wrap_socket(sock, server_hostname="localhost")
        try:
            sock.connect(("127.0.0.1", self.port))
        except BROKEN:
            sock.close()
            raise
        return sock

    def exchange(self, request: bytes, *, tls: bool | None = None, timeout: float = 30) -> Answer:
        """Send bytes as they are and read one answer."""
        with self.connect(tls=tls, timeout=timeout) as sock:
            sock.sendall(request)
            return read_answer(sock)


def read_answer(sock: socket.socket, method: str = "GET") -> Answer:
    response = HTTPResponse(sock, method=method)
    with response:
        response.begin()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def _environment(data_dir: Path, port: int, keys: dict[str, str], *, is_measured: bool = False, **settings: str) -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {
        # The developer's own configuration must have no effect, so everything that .env could set is set here.
        **{name: value for name, value in os.environ.items() if name in kept or (is_measured and name.startswith("COVERAGE_"))},
        "DATA_DIR": str(data_dir),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "TLS": "on",
        "TRUSTED_PROXIES": "",
        "CLIENT_CERT_HEADER": "",
        "ISSUER_URL": "",
        "ALLOWED_HOSTS": "",
        "DATABASE_URL": "",
        "CACHE_URL": "",
        "EMAIL_URL": "",
        "METRICS_ALLOWED": "",
        "DPOP_NONCE": "",
        "DEBUG": "",
        **dict.fromkeys(
            ("SSO_ISSUER", "SSO_CLIENT_ID", "SSO_CLIENT_SECRET", "SSO_NAME", "SSO_ROLES", "SSO_GROUPS_CLAIM", "SSO_SCOPES", "SSO_DOMAINS", "SSO_CA"), ""
        ),
        **keys,
        **settings,
    }


def _prepare(server: Server) -> None:
    for arguments in (["-m", "dashboard.instance.bootstrap"], ["manage.py", "prepare"]):
        done = server.run(*arguments)
        assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Database:
    """What prepare made in a PostgreSQL database, and the data directory that goes with it, to be copied."""

    url: str
    data_dir: Path


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """All servers have these, which is nobody's business but the tests': so each needn't be set up, but is copied, which takes a tenth of the time."""
    return make_once(run_folder(tmp_path_factory), "keys", lambda: {"SECRET_KEY": secrets.token_urlsafe(48), "KEY_ENCRYPTION_KEYS": secrets.token_urlsafe(48)})


def _make_template(folder: Path, name: str, keys: dict[str, str], *, of: Path | None = None, **settings: str) -> Path:
    """The data directory of a server that was set up once for all processes. of: another one, whose database it takes."""

    def make() -> dict[str, str]:
        data_dir, port = folder / f"template-{name}" / "var", free_port()
        data_dir.parent.mkdir()
        if of is not None:
            shutil.copytree(of, data_dir)
            shutil.rmtree(data_dir / "tls")
        _prepare(Server(data_dir, port, True, _environment(data_dir, port, keys, **settings)))
        return {"data_dir": str(data_dir)}

    return Path(make_once(folder, f"template-{name}", make)["data_dir"])


def _copy_template(folder: Path, keys: dict[str, str], data_dir: Path, settings: dict[str, str]) -> None:
    """For SQLite: migrating takes ten times as long."""
    template = _make_template(folder, "sqlite", keys)
    if "ISSUER_URL" in settings:
        named = {name: settings[name] for name in ("ISSUER_URL", "TLS") if name in settings}
        template = _make_template(folder, f"sqlite-{crc32(repr(sorted(named.items())).encode()):08x}", keys, of=template, **named)
    shutil.copytree(template, data_dir)


# The modules here that call the product in their own process; the others only send requests to a server.
MEASURED = {"test_background", "test_bootstrap", "test_handshake", "test_proxies"}


@pytest.fixture(scope="module", autouse=True)
def _unmeasured(request: pytest.FixtureRequest) -> None:
    if request.path.stem not in MEASURED:
        request.getfixturevalue("unmeasured")


@contextmanager
def _servers(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, str]) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def make(*, start: bool = True, is_measured: bool = False, database: Database | None = None, **settings: str) -> Server:
        """is_measured: for coverage, which makes a server 50 % slower: for those that run what no other test does. database: None for SQLite."""
        data_dir = tmp_path_factory.mktemp("server") / "var"
        port = free_port()
        if database is not None:
            settings["DATABASE_URL"] = database.url
        server = Server(data_dir, port, settings.get("TLS") != "off", _environment(data_dir, port, keys, is_measured=is_measured, **settings))
        if database is not None:
            shutil.copytree(database.data_dir, data_dir)
        elif settings.keys() & {"DATABASE_URL", "SECRET_KEY", "KEY_ENCRYPTION_KEYS"}:
            _prepare(server)
        else:
            _copy_template(run_folder(tmp_path_factory), keys, data_dir, settings)
        servers.append(server)
        if start:
            server.start()
        return server

    yield make
    for server in servers:
        if server.process is not None and server.process.poll() is None:
            server.stop(signal.SIGQUIT)
        server.close()


@pytest.fixture(scope="module")
def make_server(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, str]) -> Iterator[Callable[..., Server]]:
    """A function that makes a server, which stops with the module: each has work to do even where nobody asks it anything."""
    with _servers(tmp_path_factory, keys) as make:
        yield make


@pytest.fixture(scope="session")
def make_lasting_server(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, str]) -> Iterator[Callable[..., Server]]:
    """As make_server, for servers that several modules ask."""
    with _servers(tmp_path_factory, keys) as make:
        yield make


@pytest.fixture(scope="session")
def server(make_lasting_server: Callable[..., Server]) -> Server:
    """One for all tests that leave it as it was."""
    return make_lasting_server(is_measured=True)


@pytest.fixture(scope="session")
def one_worker(make_lasting_server: Callable[..., Server]) -> Server:
    """As server, for tests that need all connections to be one worker's."""
    return make_lasting_server(WEB_CONCURRENCY="1")


@pytest.fixture(scope="session")
def proxied(make_lasting_server: Callable[..., Server]) -> Server:
    """As server, for a trusted proxy on this machine, such as Envoy."""
    settings = {"TRUSTED_PROXIES": "127.0.0.1/32", "ISSUER_URL": "https://tokens.example.com", "CLIENT_CERT_HEADER": "X-Forwarded-Client-Cert"}
    return make_lasting_server(TLS="off", **settings)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, keys: dict[str, str]) -> Callable[[], Database | None]:
    """A function that returns a new one for make_server, None for SQLite."""
    if request.param == "sqlite":
        return lambda: None
    postgresql: PostgreSQL = request.getfixturevalue("postgresql")
    # It is named by the server's port: if all had left the first server, there is another one.
    folder, name = run_folder(tmp_path_factory), f"postgresql-{postgresql.port}"
    template = make_once(folder, f"database-{name}", lambda: {"url": request.getfixturevalue("make_tables")()})["url"]
    data_dir = _make_template(folder, name, keys, DATABASE_URL=template)
    return lambda: Database(postgresql.create_database(template.rpartition("/")[2]), data_dir)


@pytest.fixture(scope="session")
def four_workers(make_lasting_server: Callable[..., Server], new_database: Callable[[], Database | None]) -> Iterator[Server]:
    """One for all tests that leave it running, once on each database."""
    server = make_lasting_server(WEB_CONCURRENCY="4", database=new_database())
    yield server
    server.stop()
