"""The unchanged deploy/nginx.conf under the real nginx, in front of TokenOS without TLS and an API that doesn't know credentials."""

import base64
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import urllib3

from dashboard.instance import server_certificate
from tests.certificates import self_signed
from tests.oauth.proofs import new_key
from tests.ports import free_port
from tests.servers.conftest import ROOT, Server, read_answer
from tests.servers.proxies import wait_until_answering
from tests.servers.stores import missing

AUDIENCE = "https://api.example.com"
# Headers that a framework may believe from its proxy, if it is told to: the sender, the request and the certificate.
FORWARDED = (
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Method",
    "X-Forwarded-Uri",
    "X-Real-IP",
    "Forwarded",
    "Client-Cert",
    "Client-Cert-Chain",
    "X-SSL-Client-Cert",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-Tls-Client-Cert",
)
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


class API(BaseHTTPRequestHandler):
    """Answers with the headers that it was sent."""

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@dataclass
class Site:
    """nginx and what is behind it. tls: its port 443, by the name that is asked for, as nginx doesn't serve others by it; plain: its port 80."""

    tokenos: Server
    client: dict[str, Any]
    tls: dict[str, urllib3.HTTPSConnectionPool]
    plain: urllib3.HTTPConnectionPool
    pid: int

    def read_memory(self) -> int:
        """That nginx's only worker has now, in bytes."""
        (worker,) = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{worker}/status").read_text())[0]) * 1024

    def request(self, method: str, host: str, path: str, *, plain: bool = False, headers: dict[str, str] | None = None, **options: Any) -> Any:
        pool = self.plain if plain else self.tls[host]
        return pool.request(method, path, headers={"Host": host, **(headers or {})}, retries=False, timeout=30, **options)

    def restart(self, **environment: str) -> None:
        self.tokenos.environment.update(environment)
        self.tokenos.restart()

    def token(self, headers: dict[str, str] | None = None, **form: str) -> Any:
        return self.request(
            "POST",
            "tokens.example.com",
            "/oauth2/token",
            headers=urllib3.make_headers(basic_auth=f"{self.client['client_id']}:{self.client['client_secret']}") | (headers or {}),
            fields={"grant_type": "client_credentials", **form},
            encode_multipart=False,
        )

    def api(self, authorization: str | None = None, **headers: str) -> Any:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("GET", "api.example.com", "/orders?page=2", headers={**given, **({"Authorization": authorization} if authorization else {})})


@pytest.fixture(scope="module")
def api_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), API) as api:
        thread = threading.Thread(target=api.serve_forever)
        thread.start()
        yield api.server_address[1]
        api.shutdown()
        thread.join()


def write_configuration(directory: Path, replacements: dict[str, str]) -> Path:
    site = (ROOT / "deploy" / "nginx.conf").read_text()
    for old, new in replacements.items():
        assert old in site
        site = site.replace(old, new)
    (directory / "site.conf").write_text(site)
    temporary = "\n".join(f"{name}_temp_path {directory}/{name};" for name in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi"))
    # Otherwise its workers run as nobody, who can't enter pytest's folders.
    user = "user root; " if os.geteuid() == 0 else ""
    main = directory / "nginx.conf"
    main.write_text(
        f"{user}daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\ninclude {directory}/site.conf; }}\n"
    )
    return main


@pytest.fixture(scope="module")
def site(make_server: Callable[..., Server], api_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if NGINX is None:
        missing("nginx", install="apt install nginx")
    tokenos = make_server(
        TLS="off", TRUSTED_PROXIES="127.0.0.1/32", ISSUER_URL="https://tokens.example.com", FAILURES_PER_CLIENT="3", CLIENT_CERT_HEADER="X-SSL-Client-Cert"
    )
    client = tokenos.manage("create_client", "--workspace", "demo", "--name", "billing-sync", "--scope", "read write", "--audience", AUDIENCE)
    directory = tmp_path_factory.mktemp("nginx")
    server_certificate.renew(directory, "tokens.example.com")
    tls_port, plain_port = free_port(), free_port()
    configuration = write_configuration(
        directory,
        {
            "listen 443 ssl": f"listen 127.0.0.1:{tls_port} ssl",
            "listen 80;": f"listen 127.0.0.1:{plain_port};",
            "server unix:/run/tokenos/tokenos.sock;": f"server 127.0.0.1:{tokenos.port};",
            "127.0.0.1:8000": f"127.0.0.1:{api_port}",
            "/etc/ssl/tokens.example.com/fullchain.pem": str(directory / "server.pem"),
            "/etc/ssl/tokens.example.com/privkey.pem": str(directory / "server.pem"),
            "# ssl_verify_client optional_no_ca;": "ssl_verify_client optional_no_ca;",
        },
    )
    nginx = subprocess.Popen([str(NGINX), "-e", str(directory / "error.log"), "-c", str(configuration)])
    site = Site(
        tokenos,
        client,
        {
            host: urllib3.HTTPSConnectionPool(
                "127.0.0.1", tls_port, server_hostname=host, assert_hostname="tokens.example.com", ca_certs=str(directory / "ca.pem")
            )
            for host in ("tokens.example.com", "api.example.com")
        },
        urllib3.HTTPConnectionPool("127.0.0.1", plain_port),
        nginx.pid,
    )
    try:
        wait_until_answering(nginx, directory / "error.log", lambda: bool(site.request("GET", "tokens.example.com", "/healthz").status))
        yield site
    finally:
        nginx.terminate()
        nginx.wait(30)
        for pool in site.tls.values():
            pool.close()
        site.plain.close()


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


def test_protected_api_gets_who_calls_and_not_the_credentials(site: Site) -> None:
    token = site.token().json()["access_token"]
    answer = site.api(f"Bearer {token}")
    assert answer.status == 200
    seen = answer.json()
    assert seen["x-tokenos-client-id"] == site.client["client_id"]
    assert seen["x-tokenos-workspace"] == "demo"
    assert seen["x-tokenos-scopes"] == "read write"
    assert seen["x-tokenos-environment"] == "live"
    assert "authorization" not in seen


def test_test_client_does_not_reach_the_protected_api(site: Site) -> None:
    arguments = ("--workspace", "demo", "--name", "trial", "--scope", "read", "--audience", "https://api.example.com", "--environment", "test")
    trial = site.tokenos.manage("create_client", *arguments)
    answer = site.api(X_API_Key=trial["client_secret"])
    assert answer.status == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_body_of_a_protected_request_reaches_the_api(site: Site) -> None:
    token = site.token().json()["access_token"]
    answer = site.request("POST", "api.example.com", "/orders", headers={"Authorization": f"Bearer {token}"}, body=b"x" * 100_000)
    assert answer.status == 200
    assert answer.json()["content-length"] == "100000"


def test_secret_works_as_api_key(site: Site) -> None:
    answer = site.api(X_API_Key=site.client["client_secret"])
    assert answer.status == 200
    assert "x-api-key" not in answer.json()


def test_callers_identity_headers_are_overwritten(site: Site) -> None:
    token = site.token().json()["access_token"]
    seen = site.api(f"Bearer {token}", X_TokenOS_Client_Id="somebody-else", X_TokenOS_Scopes="admin", X_TokenOS_Environment="test").json()
    assert seen["x-tokenos-client-id"] == site.client["client_id"]
    assert seen["x-tokenos-scopes"] == "read write"
    assert seen["x-tokenos-environment"] == "live"


def test_protected_api_gets_no_forwarded_header_of_the_caller(site: Site) -> None:
    """Many frameworks believe them, once they are told that a proxy stands before them."""
    answer = site.api(X_API_Key=site.client["client_secret"], **{name.replace("-", "_"): "forged" for name in FORWARDED})
    assert answer.status == 200
    assert "forged" not in answer.json().values()


def test_protected_api_gets_where_the_caller_is(site: Site) -> None:
    seen = site.api(X_API_Key=site.client["client_secret"], X_Forwarded_For="203.0.113.9").json()
    assert (seen["x-forwarded-for"], seen["x-real-ip"]) == ("127.0.0.1", "127.0.0.1")
    assert (seen["x-forwarded-proto"], seen["x-forwarded-host"]) == ("https", "api.example.com")


def test_without_credentials_401_with_challenge(site: Site) -> None:
    answer = site.api()
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="TokenOS", DPoP realm="TokenOS", algs="ES256 ')
    assert "DPoP-Nonce" not in answer.headers


def test_who_is_refused_gets_the_id_by_which_the_reason_is_found(site: Site) -> None:
    """Once, whatever the API sends."""
    token = site.token(scope="write").json()["access_token"]
    for answer in (site.api(), site.api("Bearer x"), site.api(f"Bearer {token}"), site.api(X_API_Key=site.client["client_secret"])):
        (request_id,) = answer.headers.getlist("X-Request-Id")
        assert re.fullmatch(r"[0-9a-f]{32}", request_id)
        assert answer.status == 200 or request_id in site.tokenos.log.read_text()


@pytest.mark.rfc("9449", "7.1")
def test_bound_token_passes_with_a_proof_for_the_original_request(site: Site) -> None:
    program = new_key()
    token = site.token(headers=program.sent("POST", "https://tokens.example.com/oauth2/token")).json()
    assert token["token_type"] == "DPoP"

    def ask(method: str, url: str) -> Any:
        return site.api(f"DPoP {token['access_token']}", **program.sent(method, url, token=token["access_token"]))

    answer = ask("GET", "https://api.example.com/orders")
    assert answer.status == 200
    assert (answer.json()["x-tokenos-client-id"], "dpop" in answer.json()) == (site.client["client_id"], False)
    for method, url in (("POST", "https://api.example.com/orders"), ("GET", "https://api.example.com/others"), ("GET", "https://tokens.example.com/orders")):
        refused = ask(method, url)
        assert refused.status == 401
        assert 'error="invalid_dpop_proof"' in refused.headers["WWW-Authenticate"]


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.parametrize("target", ["/orders/\xe9", f"/orders?{'x' * 8001}"], ids=["octet above ASCII", "long query"])
def test_proof_for_the_gateway_itself_is_none_for_a_url_that_it_cannot_read(site: Site, target: str) -> None:
    program = new_key()
    token = site.token(headers=program.sent("POST", "https://tokens.example.com/oauth2/token")).json()["access_token"]
    proof = program.proof("GET", "https://tokens.example.com/gateway/demo/verify", token=token)
    request = f"GET {target} HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\nAuthorization: DPoP {token}\r\nDPoP: {proof}\r\n\r\n"
    context = ssl._create_unverified_context()
    sock = socket.create_connection(("127.0.0.1", site.tls["api.example.com"].port), timeout=30)
    with context.wrap_socket(sock, server_hostname="api.example.com") as tls:
        tls.sendall(request.encode("latin-1"))
        answer = read_answer(tls)
    assert answer.status == 401
    assert 'error="invalid_dpop_proof"' in answer.headers["www-authenticate"]


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


def test_without_the_scope_403_with_challenge(site: Site) -> None:
    token = site.token(scope="write").json()["access_token"]
    answer = site.api(f"Bearer {token}")
    assert answer.status == 403
    assert 'error="insufficient_scope", scope="read"' in answer.headers["WWW-Authenticate"]


def test_token_for_another_api_is_refused(site: Site) -> None:
    token = site.token(resource="https://tokens.example.com/w/demo").json()["access_token"]
    answer = site.api(f"Bearer {token}")
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_revoked_token_is_refused_at_the_next_request(site: Site) -> None:
    token = site.token().json()["access_token"]
    assert site.api(f"Bearer {token}").status == 200
    site.request(
        "POST",
        "tokens.example.com",
        "/oauth2/revoke",
        headers=urllib3.make_headers(basic_auth=f"{site.client['client_id']}:{site.client['client_secret']}"),
        fields={"token": token},
        encode_multipart=False,
    )
    assert site.api(f"Bearer {token}").status == 401


def test_too_many_failures_are_429(site: Site) -> None:
    wrong = urllib3.make_headers(basic_auth="AAAAAAAAAAAAAAAAAAAAAA:wrong")["authorization"]
    for _ in range(3):
        assert site.api(wrong).status == 401
    answer = site.api(wrong)
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.rfc("9449", "4.3")
def test_nothing_is_served_under_another_name(site: Site) -> None:
    """A DPoP proof is for a host: one that a caller could choose would let in anybody who has a proof for another server."""
    api = site.tls["api.example.com"]
    for host in ("evil.example.net", "api.example.com.evil.example.net", "127.0.0.1"):
        assert api.request("GET", "/orders", headers={"Host": host}, retries=False, timeout=30).status == 421, host
    context = ssl._create_unverified_context()  # the server has no certificate to verify
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as sock, pytest.raises(ssl.SSLError, match="unrecognized name"):
        context.wrap_socket(sock, server_hostname="evil.example.net")


def test_handshakes_that_stop_are_ended_after_ten_seconds(seconds_of_stopped_handshakes: Future[float]) -> None:
    """nginx counts no connection whose handshake isn't complete: those of one stranger would take all that it has for a minute."""
    assert 8 < seconds_of_stopped_handshakes.result(30) < 20


# From here on TokenOS is another than for the tests above.
def test_an_outage_is_503(site: Site) -> None:
    token = site.token().json()["access_token"]
    site.tokenos.stop()
    assert site.api(f"Bearer {token}").status == 503


@pytest.mark.rfc("9449", "9")
def test_nonce_gets_through_to_the_caller(site: Site) -> None:
    site.restart(DPOP_NONCE="on")
    program = new_key()
    endpoint = "https://tokens.example.com/oauth2/token"
    nonce = site.token(headers=program.sent("POST", endpoint)).headers["DPoP-Nonce"]
    token = site.token(headers=program.sent("POST", endpoint, nonce=nonce)).json()["access_token"]
    refused = site.api(f"DPoP {token}", **program.sent("GET", "https://api.example.com/orders", token=token))
    assert (refused.status, 'error="use_dpop_nonce"' in refused.headers["WWW-Authenticate"]) == (401, True)
    proof = program.sent("GET", "https://api.example.com/orders", token=token, nonce=refused.headers["DPoP-Nonce"])
    answer = site.api(f"DPoP {token}", **proof)
    assert (answer.status, "DPoP-Nonce" in answer.headers) == (200, True)
