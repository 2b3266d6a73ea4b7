"""Mutual TLS with real clients and real gunicorn: which certificates pass the handshake, and from when on. RFC 8705."""

import http.client
import json
import ssl
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.certificates import Authority, Holder, issue, pem, self_signed
from tests.dashboard.test_forwarded_certificate import GOOD, HOLDER
from tests.servers.conftest import Server

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def tls(make_server: Callable[..., Server]) -> Server:
    """Four workers, of which each has to hear of a new certificate by itself."""
    return make_server(WEB_CONCURRENCY="4", FAILURES_PER_CLIENT="1000", FAILURES_PER_ADDRESS="1000")


@pytest.fixture(scope="module")
def authority(tls: Server) -> Authority:
    """The operator's, which every worker knows."""
    authority = Authority.create()
    (tls.data_dir / "tls" / "client-ca.pem").write_text(pem(authority.certificate))
    wait_for_the_workers()
    return authority


@pytest.fixture(scope="module")
def register(tls: Server, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Make a client with those certificates, and return its ID."""
    folder = tmp_path_factory.mktemp("registered")

    def register(*holders: Holder) -> str:
        files = [argument for number, holder in enumerate(holders) for argument in ("--certificate", holder.write(folder, f"{number}")[0])]
        methods = ["--auth-method", "self_signed_tls_client_auth"]
        return str(tls.manage("create_client", "--workspace", "demo", "--name", "machine", "--scope", "read", *methods, *files)["client_id"])

    return register


HOLDERS: dict[str, Callable[[], Holder]] = {
    "P-256": self_signed,
    "Ed25519": lambda: self_signed(key=ed25519.Ed25519PrivateKey.generate()),
    "RSA": lambda: self_signed(key=rsa.generate_private_key(65537, 2048)),
    "CA:true": lambda: self_signed(extensions=[x509.BasicConstraints(ca=True, path_length=None)]),
    "clientAuth": lambda: self_signed(extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])]),
    "of an unknown CA": lambda: issue(Authority.create("Nobody's CA")),
}
ON_LARGER_CURVES: dict[str, Callable[[], Holder]] = {
    "P-384": lambda: self_signed(key=ec.generate_private_key(ec.SECP384R1())),
    "P-521": lambda: self_signed(key=ec.generate_private_key(ec.SECP521R1())),
}
NAMESAKE = "registered before the CA"
# Registers another certificate, two hours ago, when it was valid.
REGISTER_EARLIER = """
from clients.certificate import read_certificates
from clients.models import Client
from clients.services.audit import SYSTEM
from clients.services.certificates import add_certificates
client, now = Client.objects.get(client_id=CLIENT_ID), datetime.now(UTC) - timedelta(hours=2)
add_certificates(client=client, parsed=read_certificates(PEM), actor=SYSTEM, now=now)
"""


@pytest.fixture(scope="module")
def machines(tls: Server, register: Callable[..., str]) -> dict[str, tuple[str, Any]]:
    """Clients, each with the certificate that every worker knows."""
    made = {name: make() for name, make in (HOLDERS | ON_LARGER_CURVES).items()} | {NAMESAKE: self_signed(NAMESAKE)}
    machines: dict[str, tuple[str, Any]] = {name: (register(holder), holder) for name, holder in made.items()}
    pair = self_signed(), self_signed()
    machines["two"] = register(*pair), pair
    client_id, expired = machines["P-256"][0], self_signed(ends=datetime.now(UTC) - timedelta(hours=1))
    names = f"from datetime import UTC, datetime, timedelta\nCLIENT_ID, PEM = {client_id!r}, {pem(expired.certificate)!r}"
    done = tls.fork("shell", "--no-imports", "-c", names + REGISTER_EARLIER)
    assert done.returncode == 0, done.stderr
    wait_for_the_workers()
    return machines | {"expired": (client_id, expired)}


@pytest.fixture
def ask(tls: Server, tmp_path: Path) -> Callable[..., requests.Response]:
    """Get a token on a new connection with a certificate."""

    def ask(client_id: str, holder: Holder) -> requests.Response:
        return tls.post("/oauth2/token", data={"grant_type": "client_credentials", "client_id": client_id}, cert=holder.write(tmp_path, "presented"))

    return ask


def context_of(server: Server, holder: Holder | None, directory: Path) -> ssl.SSLContext:
    context = server.context()
    if holder is not None:
        context.load_cert_chain(*holder.write(directory, "kept"))
    return context


class Kept:
    """A connection that stays open, so that a test knows which worker it asks."""

    def __init__(self, server: Server, holder: Holder | None, directory: Path, context: ssl.SSLContext | None = None) -> None:
        self.connection = http.client.HTTPSConnection("localhost", server.port, timeout=30, context=context or context_of(server, holder, directory))

    def token(self, client_id: str) -> tuple[int, Any]:
        self.connection.request("POST", "/oauth2/token", urlencode({"grant_type": "client_credentials", "client_id": client_id}), FORM)
        response = self.connection.getresponse()
        return response.status, json.loads(response.read())

    def __enter__(self) -> "Kept":
        self.connection.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def wait_for_the_workers() -> None:
    """The promise is one second."""
    time.sleep(1)


def test_nobody_is_asked_while_no_certificate_is_registered(tls: Server) -> None:
    """This is the first test, because the others register some."""
    assert "Requested Signature Algorithms" not in say_hello(tls)


def say_hello(server: Server) -> str:
    """What OpenSSL's client says of a handshake."""
    command = ["openssl", "s_client", "-connect", f"localhost:{server.port}", "-CAfile", str(server.ca)]
    return subprocess.run(command, input="", check=True, capture_output=True, text=True, timeout=30).stdout


@pytest.mark.rfc("8705", "2.2")
@pytest.mark.parametrize("name", HOLDERS)
def test_registered_certificate_gets_a_bound_token(tls: Server, machines: dict[str, Any], ask: Callable[..., requests.Response], name: str) -> None:
    client_id, holder = machines[name]
    answer = ask(client_id, holder)
    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    asked = {"client_id": client_id, "token": token}
    introspected = tls.post("/oauth2/introspect", data=asked, cert=holder.write(tls.data_dir.parent)).json()
    assert introspected["active"] is True
    assert introspected["cnf"]["x5t#S256"]


@pytest.mark.rfc("8422", "5.1.1")
@pytest.mark.parametrize(("curve", "version"), [("P-384", "TLSv1_2"), ("P-384", "TLSv1_3"), ("P-521", "TLSv1_3")])
def test_so_does_one_on_a_larger_curve_with_the_versions_that_take_it(tls: Server, machines: dict[str, Any], tmp_path: Path, curve: str, version: str) -> None:
    """TLS 1.2 takes certificates on the curves alone in which it agrees on keys, and P-521 isn't among those."""
    client_id, holder = machines[curve]
    context = context_of(tls, holder, tmp_path)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    with Kept(tls, holder, tmp_path, context) as kept:
        assert kept.token(client_id)[0] == 200


@pytest.mark.usefixtures("machines")
def test_new_certificate_works_within_a_second_in_every_worker(tls: Server, register: Callable[..., str], tmp_path: Path) -> None:
    """Also beside those that were there, while a context is in use."""
    holder = self_signed()
    client_id = register(holder)
    began = time.monotonic()
    wait_for_the_workers()
    with ExitStack() as stack:
        kept = [stack.enter_context(Kept(tls, holder, tmp_path)) for _ in range(24)]
        assert time.monotonic() - began < 3
        assert [connection.token(client_id)[0] for connection in kept] == [200] * 24
        assert min(tls.count_sockets()) >= 4


def test_revoked_certificate_stops_at_the_next_request_of_an_open_connection(tls: Server, machines: dict[str, Any], tmp_path: Path) -> None:
    client_id, (holder, other) = machines["two"]
    with Kept(tls, holder, tmp_path) as kept, Kept(tls, other, tmp_path) as unharmed:
        status, answer = kept.token(client_id)
        assert status == 200
        tls.manage("revoke_certificate", client_id, fingerprint(tmp_path, holder))
        assert kept.token(client_id)[0] == 401
        assert unharmed.token(client_id)[0] == 200
        whoami = tls.get("/api/v1/whoami", headers={"Authorization": f"Bearer {answer['access_token']}"}, cert=holder.write(tmp_path, "revoked"))
        assert whoami.status_code == 401
    # It still passes the handshake, so that the program and its owner learn the reason.
    with Kept(tls, holder, tmp_path) as again:
        status, answer = again.token(client_id)
        assert (status, answer["error"]) == (401, "invalid_client")


def fingerprint(directory: Path, holder: Holder) -> str:
    return fingerprint_of(Path(holder.write(directory, "fingerprint")[0]))


def fingerprint_of(file: Path) -> str:
    return subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", str(file)], check=True, capture_output=True, text=True).stdout.strip()


def test_expired_certificate_gets_an_answer_and_no_broken_handshake(tls: Server, machines: dict[str, Any], ask: Any) -> None:
    answer = ask(*machines["expired"])
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "refused: certificate_expired" in tls.log.read_text()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_of_tls_will_do(tls: Server, machines: dict[str, Any], tmp_path: Path, version: ssl.TLSVersion) -> None:
    client_id, holder = machines["P-256"]
    context = context_of(tls, holder, tmp_path)
    context.minimum_version = context.maximum_version = version
    session = None
    for _ in range(3):
        with context.wrap_socket(tls.connect(tls=False), server_hostname="localhost", session=session) as sock:
            body = urlencode({"grant_type": "client_credentials", "client_id": client_id})
            head = f"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM['Content-Type']}\r\nContent-Length: {len(body)}\r\n\r\n"
            sock.sendall((head + body).encode())
            assert b"200 OK" in sock.recv(65536)
            # A resumed session still has the certificate.
            session = sock.session


def test_unregistered_certificate_fails_the_handshake(machines: dict[str, Any], ask: Any) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        ask(machines["P-256"][0], self_signed())


@pytest.mark.usefixtures("machines")
def test_everybody_else_notices_nothing(tls: Server) -> None:
    """A certificate is asked for, not demanded, and no list of CAs is sent."""
    client = tls.manage("create_client", "--workspace", "demo", "--name", "other")
    for _ in range(8):
        answer = tls.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=(client["client_id"], client["client_secret"]))
        assert answer.status_code == 200
        assert tls.get("/healthz").status_code == 200
    said = say_hello(tls)
    assert "No client certificate CA names sent" in said
    assert "Requested Signature Algorithms" in said


def test_curl_gets_a_token_with_its_certificate(tls: Server, machines: dict[str, Any], tmp_path: Path) -> None:
    client_id, holder = machines["P-256"]
    certificate, key = holder.write(tmp_path, "curl")
    arguments = ["--silent", "--show-error", "--fail", "--cacert", str(tls.ca), "--cert", certificate, "--key", key]
    form = ["--data", "grant_type=client_credentials", "--data-urlencode", f"client_id={client_id}"]
    done = subprocess.run(["curl", *arguments, f"{tls.url}/oauth2/token", *form], check=True, capture_output=True, text=True, timeout=30)
    assert json.loads(done.stdout)["token_type"] == "Bearer"


@pytest.fixture(scope="module")
def by_ca(tls: Server) -> str:
    made = tls.manage(
        "create_client", "--workspace", "demo", "--name", "by-ca", "--auth-method", "tls_client_auth", "--tls-subject", "san_dns:billing.example.com"
    )
    return str(made["client_id"])


def named(authority: Authority, **fields: Any) -> Holder:
    extensions = [x509.SubjectAlternativeName([x509.DNSName("billing.example.com")]), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])]
    return issue(authority, "billing", extensions=extensions, **fields)


@pytest.mark.rfc("8705", "2.1")
def test_certificate_of_the_operators_ca_gets_a_token(authority: Authority, by_ca: str, ask: Any) -> None:
    assert ask(by_ca, named(authority)).status_code == 200


def test_certificate_of_the_operators_ca_that_has_expired_gets_an_answer(authority: Authority, by_ca: str, ask: Any) -> None:
    now = datetime.now(UTC)
    answer = ask(by_ca, named(authority, begins=now - 2 * DAY, ends=now - DAY))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_certificate_of_the_operators_ca_for_another_gets_an_answer(authority: Authority, by_ca: str, ask: Any) -> None:
    assert ask(by_ca, issue(authority, "somebody-else")).status_code == 401


@pytest.mark.usefixtures("authority")
def test_certificate_of_another_ca_fails_the_handshake(by_ca: str, ask: Any) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        ask(by_ca, named(Authority.create()))


def test_registered_certificate_with_the_name_of_a_ca_keeps_out_no_certificate_of_that_ca(
    tls: Server, machines: dict[str, Any], authority: Authority, by_ca: str, register: Callable[..., str], ask: Callable[..., requests.Response]
) -> None:
    """Whichever of both is there first."""
    newcomers, last = [Authority.create(NAMESAKE), Authority.create("registered after the CA")], self_signed("registered after the CA")
    (tls.data_dir / "tls" / "client-ca.pem").write_text("".join(pem(trusted.certificate) for trusted in (authority, *newcomers)))
    wait_for_the_workers()
    namesakes = [machines[NAMESAKE], (register(last), last)]
    wait_for_the_workers()
    for newcomer, (client_id, namesake) in zip(newcomers, namesakes, strict=True):
        for _ in range(4):
            assert ask(by_ca, named(newcomer)).status_code == 200
            assert ask(client_id, namesake).status_code == 200


def test_header_of_an_untrusted_caller_is_worth_nothing(tls: Server, register: Callable[..., str]) -> None:
    client_id = register(HOLDER)
    for forged, value in GOOD.items():
        answer = tls.post("/oauth2/token", data={"grant_type": "client_credentials", "client_id": client_id}, headers={forged: value})
        assert answer.status_code == 401, forged


def test_trusted_proxys_header_authenticates_and_no_other_does(make_server: Callable[..., Server], tmp_path: Path) -> None:
    """Each as tests/dashboard/test_forwarded_certificate.py reads it; nginx and Envoy send two of the others themselves."""
    header = "Client-Cert"
    server = make_server(TLS="off", TRUSTED_PROXIES="127.0.0.1/32", CLIENT_CERT_HEADER=header, WEB_CONCURRENCY="1")
    certificate = HOLDER.write(tmp_path)[0]
    made = server.manage("create_client", "--workspace", "demo", "--name", "m", "--auth-method", "self_signed_tls_client_auth", "--certificate", certificate)
    form = {"grant_type": "client_credentials", "client_id": made["client_id"]}
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
    assert server.post("/oauth2/token", data=form, headers={**forwarded, header: GOOD[header]}).status_code == 200
    for name, value in GOOD.items():
        if name != header:
            assert server.post("/oauth2/token", data=form, headers={**forwarded, name: value}).status_code == 401
    server.stop()
