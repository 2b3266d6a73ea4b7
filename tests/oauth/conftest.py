"""Ada's workspace demo with its clients, Eve's workspace other, and both doors."""

import logging
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from django.conf import settings

from clients.certificate import read_certificates
from clients.models import Client, ClientCertificate, ClientPublicKey, RecordedRequest, Workspace
from clients.services import usage
from clients.services.certificates import add_certificates
from clients.services.workspaces import change_workspace
from oauth import client_ca, jwks_uri, log_quota, unwritten_failures
from oauth.examination import Examination
from oauth.messages import Request
from oauth.models import SigningKey
from oauth.services import rotate_signing_key
from oauth.shown_request import examine_form
from tests import factories
from tests.cases import Each
from tests.certificates import Authority, Holder, pem, self_signed
from tests.kept_rows import kept
from tests.oauth.assertions import Robot, create_robot
from tests.oauth.doors import DOORS, Sender, basic, bearer
from tests.oauth.hosts import Host, publish
from tests.oauth.proofs import key, new_key
from tests.oauth.shown import ask, reason_in


@dataclass(frozen=True)
class Program:
    """A client, and what its program has."""

    client: Client
    client_id: str
    secret: str
    secret_id: str

    @property
    def basic(self) -> str:
        return basic(self.client_id, self.secret)

    @property
    def form(self) -> dict[str, str]:
        return {"client_id": self.client_id, "client_secret": self.secret}


@pytest.fixture
def either_door(pytestconfig: pytest.Config) -> Each:
    doors = ["asgi"] if pytestconfig.getoption("few") else ["asgi", "django"]
    return Each([DOORS[door].transport for door in doors], in_each_case=False)


@pytest.fixture
def send(either_door: Each) -> Sender:
    """Through the server's door, and for the first case of each test that doesn't commit also through Django's. With --few, only test_doors.py goes there."""
    return Sender(lambda *given: either_door.value(*given))


@pytest.fixture
def asgi() -> Sender:
    return DOORS["asgi"]


@pytest.fixture
def signing_key(db: None, now: datetime) -> SigningKey:
    # A minute ago, so that a test may move its times back and forth.
    return kept(lambda: rotate_signing_key(actor=factories.TESTS, now=now - timedelta(minutes=1)).key)


@pytest.fixture
def demo(signing_key: SigningKey) -> Workspace:
    """Without its people: they don't matter here, and hashing passwords takes time."""
    return kept(lambda: factories.create_workspace("demo"))


@pytest.fixture
def other(signing_key: SigningKey) -> Workspace:
    return kept(lambda: factories.create_workspace("other"))


@pytest.fixture
def make(now: datetime) -> Callable[..., Program]:
    def make(workspace: Workspace, **fields: Any) -> Program:
        new = factories.create_client(workspace, now=now - timedelta(seconds=30), **fields)
        return Program(new.secret.client, new.secret.client.client_id, new.plaintext, new.secret.secret_id)

    return make


@pytest.fixture
def billing(demo: Workspace, make: Callable[..., Program]) -> Program:
    """Ada's client: both ways of authenticating, read and write, the workspace's own audience."""
    return in_workspace(demo, kept(lambda: make(demo)))


@pytest.fixture
def token(asgi: Sender, billing: Program) -> str:
    token: str = asgi.token(billing.basic).json()["access_token"]
    return token


@pytest.fixture
def witness(demo: Workspace, make: Callable[..., Program]) -> Program:
    """A resource server of the same workspace that introspects billing's tokens."""
    return in_workspace(demo, kept(lambda: make(demo, audiences=("https://localhost:8443/w/demo",))))


@pytest.fixture
def is_alive(send: Sender, witness: Program) -> Callable[[str], bool]:
    """Whether every endpoint says so; they must agree."""

    def is_alive(token: str) -> bool:
        answers = {
            "introspection": send.post("/oauth2/introspect", {"token": token}, witness.basic).json()["active"],
            "whoami": send.get("/api/v1/whoami", bearer(token)).status == 200,
            "verify": send.get("/gateway/demo/verify", bearer(token)).status == 200,
        }
        assert len(set(answers.values())) == 1, answers
        return bool(answers["whoami"])

    return is_alive


@pytest.fixture
def eves(other: Workspace, make: Callable[..., Program]) -> Program:
    """A client of another workspace."""
    return in_workspace(other, kept(lambda: make(other, name="eves")))


def in_workspace(workspace: Workspace, program: Program) -> Program:
    """A kept client has a copy of its workspace, which a test's changes wouldn't reach."""
    program.client.workspace = workspace
    return program


@pytest.fixture
def authorities() -> Iterator[Callable[..., None]]:
    """Write the operator's client-ca.pem: certificates, then any text."""
    file = client_ca.file()
    file.parent.mkdir(exist_ok=True)

    def write(*certificates: x509.Certificate, text: str = "") -> None:
        file.write_text("".join(map(pem, certificates)) + text)
        # A test is faster than the file system's clock.
        moment = file.stat().st_mtime_ns + next(_ticks)
        os.utime(file, ns=(moment, moment))

    yield write
    file.unlink(missing_ok=True)


@pytest.fixture
def ca(authorities: Callable[..., None]) -> Authority:
    """The CA in the operator's file."""
    authority = Authority.create()
    authorities(authority.certificate)
    return authority


_ticks = iter(range(1_000_000, 10**15, 1_000_000))


@pytest.fixture
def named(demo: Workspace, make: Callable[..., Program]) -> Callable[..., Program]:
    """A client that authenticates by any certificate of the operator's CA that names it."""

    def named(subject_type: str, subject: str, methods: tuple[str, ...] = ("tls_client_auth",)) -> Program:
        return make(demo, name="named", auth_methods=methods, tls_subject_type=f"tls_client_auth_{subject_type}", tls_subject=subject)

    return named


@pytest.fixture
def register(now: datetime) -> Callable[..., ClientCertificate]:
    """Register a holder's certificate for a client."""

    def register(client: Client, holder: Holder) -> ClientCertificate:
        (row,) = add_certificates(client=client, parsed=read_certificates(pem(holder.certificate)), actor=factories.TESTS, now=now)
        return row

    return register


@pytest.fixture(autouse=True, scope="session")
def static_directory(_data_dir: None) -> None:
    """Django's middleware for static files warns if there is none."""
    (settings.DATA_DIR / "static").mkdir(exist_ok=True)


@pytest.fixture(autouse=True)
def nothing_left() -> None:
    """What an earlier test gathered in memory: usage of clients that are gone, failures of the address of all, and lines in the log."""
    usage._take()
    unwritten_failures.forget()
    log_quota.refused_requests._lines.clear()


@pytest.fixture(autouse=True)
def nothing_failed(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """No request may end in an unforeseen exception, except in tests about that."""
    caplog.set_level(logging.INFO, logger="tokenos.oauth")
    failed: list[str] = []
    kept = logging.Handler()
    kept.emit = lambda record: failed.append(record.getMessage())  # type: ignore[method-assign]
    kept.addFilter(lambda record: record.getMessage().startswith("failed:"))
    logging.getLogger("tokenos.oauth").addHandler(kept)
    yield
    logging.getLogger("tokenos.oauth").removeHandler(kept)
    if "failing_on_purpose" not in request.fixturenames:
        assert failed == []


@pytest.fixture
def failing_on_purpose() -> None:
    """For a test that shows what happens after an unforeseen exception."""


def reason_of(request_id: str) -> str:
    """The reason code that the client's owner finds under a request ID."""
    return RecordedRequest.objects.get(request_id=request_id).reason


def demand(workspace: Workspace, now: datetime, **policies: Any) -> Workspace:
    """What the workspace allows its clients from now on."""
    return change_workspace(workspace=workspace, actor=factories.TESTS, now=now, **policies)


def detail_of(request_id: str) -> str:
    """The sentence that the client's owner reads there."""
    return RecordedRequest.objects.get(request_id=request_id).detail


@pytest.fixture(scope="session")
def host_certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    directory = tmp_path_factory.mktemp("host")
    return self_signed("localhost", extensions=[x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.DNSName("keys.example")])]).write(directory)


@pytest.fixture
def host(host_certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Host]:
    """A host whose certificate is trusted, on a loopback address that is allowed."""
    monkeypatch.setenv("SSL_CERT_FILE", host_certificate[0])
    settings.OUTBOUND_ALLOWED_HOSTS = ["other.example", "LocalHost"]
    jwks_uri._copies.clear()
    jwks_uri._overdue.clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*host_certificate)
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
def robot(demo: Workspace, now: datetime) -> Robot:
    """A client with one key for ES256 and no secret."""

    def make() -> tuple[Client, str, list[ClientPublicKey]]:
        made = create_robot(demo, now=now)
        return made.client, made.kid, made.rows

    client, kid, rows = kept(make)
    client.workspace = demo
    return Robot(client, key("ES256"), kid, rows)


@pytest.fixture
def publisher(host: Host, demo: Workspace, now: datetime) -> Robot:
    """A client without a registered key, which publishes one."""
    signer = new_key()
    created = create_robot(demo, signer, now=now, jwks_uri=host.uri)
    created.client.public_keys.all().delete()
    host.answer = publish(signer)
    return Robot(created.client, signer, signer.jkt)


@pytest.fixture
def agrees(demo: Workspace) -> Callable[[Request, str], Examination]:
    """Examines first, so that any effect of that would show at the endpoint."""

    def agrees(request: Request, expected: str) -> Examination:
        examination = examine_form(request, workspace=demo.pk, is_whole=True)
        assert reason_in(examination) == expected
        assert ask(request) == expected
        return examination

    return agrees
