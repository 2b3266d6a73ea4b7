"""The unchanged deploy/nginx.conf under the real nginx: TokenOS's own site. What it has for an API is in test_nginx_gateway."""

import base64
import os
import signal
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import urllib3

from tests.certificates import self_signed
from tests.servers.nginx import AUDIENCE, HANDSHAKE, Site, api_port, site
from tests.servers.stores import children

__all__ = ["api_port", "site"]


def test_token_request_passes_through(site: Site) -> None:
    answer = site.token(scope="read")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["scope"] == "read"


def test_plain_http_is_refused_by_tokenos_and_not_redirected(site: Site) -> None:
    answer = site.request("POST", "tokens.example.com", "/oauth2/token", plain=True, fields={"grant_type": "client_credentials"}, encode_multipart=False)
    assert answer.status == 400
    assert answer.json()["error"] == "invalid_request"


def test_long_header_fields_get_through(site: Site) -> None:
    """nginx would take TokenOS for failed."""
    answer = site.request("GET", "tokens.example.com", f"/w/demo/?a={'!' * 3_900}")
    assert (answer.status, answer.headers["Location"]) == (302, "/accounts/sign-in/")
    names = [f"{'s' * 120}{number}" for number in range(32)]
    create = "Scope.objects.bulk_create(Scope(workspace=demo, name=name) for name in names)"
    code = f"from clients.models import Scope, Workspace; demo = Workspace.objects.get(slug='demo'); names = {names}; {create}"
    assert site.tokenos.fork("shell", "--no-imports", "-c", code).returncode == 0
    client = site.tokenos.manage("create_client", "--workspace", "demo", "--name", "many", "--scope", " ".join(["read", *names]), "--audience", AUDIENCE)
    answer = site.api(X_API_Key=client["client_secret"])
    assert (answer.status, len(answer.json()["x-tokenos-scopes"])) == (200, len(" ".join(["read", *names])))


def test_long_body_is_refused_in_json(site: Site) -> None:
    answer = site.request("POST", "tokens.example.com", "/oauth2/token", body=b"a=" + b"b" * 2_000_000)
    assert answer.status == 413
    assert answer.json()["error"] == "invalid_request"


@pytest.fixture(scope="module", autouse=True)
def seconds_of_stopped_handshakes(site: Site) -> Iterator[Future[float]]:
    """How long handshakes last that stop halfway, which is seen while the other tests run."""

    def stop() -> float:
        begun = time.monotonic()
        with ExitStack() as held:
            sockets = [held.enter_context(socket.create_connection(("127.0.0.1", site.tls["tokens.example.com"].port), timeout=20)) for _ in range(20)]
            for sock in sockets:
                sock.sendall(b"\x16")
            for sock in sockets:
                assert sock.recv(1) == b""
        return time.monotonic() - begun

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(stop)


def send_unfinished(site: Site, host: str, path: str, sent: int) -> socket.socket:
    """All but the end of a body of 16 MB, or as much of it as nginx takes."""
    sock = ssl._create_unverified_context().wrap_socket(socket.create_connection(("127.0.0.1", site.tls[host].port)), server_hostname=host)
    sock.settimeout(20)
    with suppress(OSError):
        sock.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 16000000\r\n\r\n".encode() + b"a" * sent)
    return sock


@pytest.mark.parametrize("path", ["/accounts/sign-in/", "/oauth2/token", "/gateway/demo/verify", "/w/demo/clients/"])
def test_strangers_unfinished_bodies_take_no_memory(site: Site, path: str) -> None:
    before = site.read_memory()
    sockets = [send_unfinished(site, "tokens.example.com", path, 15_000_000) for _ in range(4)]
    time.sleep(0.5)
    grown = site.read_memory() - before
    for sock in sockets:
        sock.close()
    assert grown < 4_000_000


def test_unfinished_requests_of_one_network_leave_room_for_others(site: Site) -> None:
    """nginx has 512 connections here, and each such request takes two."""
    port = site.plain.port
    head = b"POST /oauth2/token HTTP/1.1\r\nHost: tokens.example.com\r\nContent-Length: 9\r\n\r\n"
    with ExitStack() as held:
        for _ in range(300):
            sock = held.enter_context(socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0)))
            sock.sendall(head)
        sock.settimeout(10)
        assert b" 429 " in sock.recv(100)
        assert site.token().status == 200


def test_requests_that_are_given_up_count_until_tokenos_has_answered(site: Site) -> None:
    """Otherwise a stranger who cancels each at once is never over the limit, and TokenOS has no time for others."""
    head = b"GET /healthz HTTP/1.1\r\nHost: tokens.example.com\r\n\r\n"
    assert site.tokenos.process
    workers = children(site.tokenos.process.pid)

    def ask() -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", site.plain.port), timeout=10, source_address=("127.0.0.3", 0))
        sock.sendall(head)
        return sock

    try:
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        with ExitStack() as held:
            for sock in [held.enter_context(ask()) for _ in range(128)]:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with ask() as refused:
                assert b" 429 " in refused.recv(100)
        time.sleep(0.5)
        with ask() as refused:
            assert b" 429 " in refused.recv(100)
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
    assert site.token().status == 200


def test_bodies_that_are_given_up_count_for_a_while(site: Site) -> None:
    """nginx gives them up at once, so the number of simultaneous requests isn't enough."""
    head = b"POST /oauth2/token HTTP/1.1\r\nHost: tokens.example.com\r\nContent-Length: 9\r\n\r\na"
    ends_at = time.monotonic() + 10
    answers = []
    while time.monotonic() < ends_at and b" 429 " not in b"".join(answers[-1:]):
        for _ in range(300):
            with socket.create_connection(("127.0.0.1", site.plain.port), source_address=("127.0.0.4", 0)) as sock:
                sock.sendall(head)
        with socket.create_connection(("127.0.0.1", site.plain.port), timeout=10, source_address=("127.0.0.4", 0)) as sock:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: tokens.example.com\r\n\r\n")
            answers.append(sock.recv(100))
    assert b" 429 " in answers[-1]
    assert site.token().status == 200


def test_stranger_with_a_long_body_is_refused_before_it_is_sent(site: Site) -> None:
    with send_unfinished(site, "tokens.example.com", "/w/demo/leak/", 0) as sock:
        assert sock.recv(1000)[:12] == b"HTTP/1.1 413"


@pytest.mark.parametrize(("path", "size"), [("/oauth2/token", 60_000), ("/w/demo/clients/", 2_600_000), ("/w/demo/leak/", 16_000_000)])
def test_tokenos_itself_answers_whatever_it_may_take(site: Site, path: str, size: int) -> None:
    """In JSON, which nginx's own answers aren't. A stranger's long body is refused there."""
    answer = site.request("POST", "tokens.example.com", path, body=b"a" * size, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status in (400, 413)
    assert answer.json()["error"] == "invalid_request"


def test_callers_forwarded_headers_do_not_get_through(site: Site) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Request-Id": "chosen-by-the-caller"}
    answer = site.request("GET", "tokens.example.com", "/api/v1/whoami", plain=True, headers=forged)
    assert answer.status == 400
    assert answer.headers["X-Request-Id"] != "chosen-by-the-caller"


@dataclass
class Machine:
    """A program with a certificate, which it shows to nginx."""

    site: Site
    client_id: str
    certificate: str
    key: str

    def request(self, method: str, host: str, path: str, **options: Any) -> Any:
        with urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            self.site.tls[host].port,
            server_hostname=host,
            assert_hostname="tokens.example.com",
            ca_certs=self.site.tls[host].ca_certs,
            cert_file=self.certificate,
            key_file=self.key,
        ) as pool:
            return pool.request(method, path, headers={"Host": host, **options.pop("headers", {})}, retries=False, timeout=30, **options)

    def token(self, **headers: str) -> Any:
        form = {"grant_type": "client_credentials", "client_id": self.client_id}
        return self.request("POST", "tokens.example.com", "/oauth2/token", fields=form, encode_multipart=False, headers=headers)


@pytest.fixture(scope="module")
def machine(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    certificate, key = self_signed().write(tmp_path_factory.mktemp("machine"))
    arguments = ["--scope", "read", "--auth-method", "self_signed_tls_client_auth", "--certificate", certificate]
    client = site.tokenos.manage("create_client", "--workspace", "demo", "--name", "machine", "--audience", AUDIENCE, *arguments)
    return Machine(site, client["client_id"], certificate, key)


@pytest.mark.rfc("8705", "2.2")
def test_certificate_gets_a_bound_token_that_only_its_holder_can_use(site: Site, machine: Machine) -> None:
    answer = machine.token()
    assert answer.status == 200
    bearer = f"Bearer {answer.json()['access_token']}"
    seen = machine.request("GET", "api.example.com", "/orders", headers={"Authorization": bearer})
    assert (seen.status, seen.json()["x-tokenos-client-id"]) == (200, machine.client_id)
    assert site.api(bearer).status == 401


def test_another_certificate_is_passed_on_and_refused(machine: Machine, tmp_path: Path) -> None:
    certificate, key = self_signed().write(tmp_path, "another")
    answer = replace(machine, certificate=certificate, key=key).token()
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("name", ["X-SSL-Client-Cert", "Client-Cert", "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert", "SSL-Client-Cert"])
def test_callers_certificate_header_does_not_get_through(site: Site, machine: Machine, name: str) -> None:
    der = ssl.PEM_cert_to_DER_cert(Path(machine.certificate).read_text())
    form = {"grant_type": "client_credentials", "client_id": machine.client_id}
    for value in (quote(Path(machine.certificate).read_text(), safe=""), f":{base64.b64encode(der).decode()}:"):
        answer = site.request("POST", "tokens.example.com", "/oauth2/token", fields=form, encode_multipart=False, headers={name: value})
        assert answer.status in (401, 429)


def test_handshakes_that_stop_are_ended_in_time(seconds_of_stopped_handshakes: Future[float]) -> None:
    """nginx counts no connection whose handshake isn't complete: those of one stranger would take all that it has for a minute."""
    assert HANDSHAKE - 1 < seconds_of_stopped_handshakes.result(30) < 9
