"""deploy/nginx.conf as it stands, under the real nginx, in front of TokenOS without TLS and of an API that knows nothing of credentials."""

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from dashboard import server_certificate
from tests.servers.conftest import ROOT, Server, free_port

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx isn't installed")


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
    """nginx and what is behind it. tls, plain: its ports 443 and 80."""

    tokenos: Server
    client: dict[str, Any]
    tls: urllib3.HTTPSConnectionPool
    plain: urllib3.HTTPConnectionPool

    def request(self, method: str, host: str, path: str, *, plain: bool = False, headers: dict[str, str] | None = None, **options: Any) -> Any:
        pool = self.plain if plain else self.tls
        return pool.request(method, path, headers={"Host": host, **(headers or {})}, retries=False, timeout=30, **options)

    def token(self, **form: str) -> Any:
        return self.request(
            "POST",
            "tokens.example.com",
            "/oauth2/token",
            headers=urllib3.make_headers(basic_auth=f"{self.client['client_id']}:{self.client['client_secret']}"),
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
    # Else its workers are nobody, who may not enter pytest's directories.
    user = "user root; " if os.geteuid() == 0 else ""
    main = directory / "nginx.conf"
    main.write_text(
        f"{user}daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\ninclude {directory}/site.conf; }}\n"
    )
    return main


@pytest.fixture(scope="module")
def site(make_server: Callable[..., Server], api_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    tokenos = make_server(TLS="off", TRUSTED_PROXIES="127.0.0.1/32", ISSUER_URL="https://tokens.example.com", FAILURES_PER_CLIENT="3")
    client = tokenos.manage("create_client", "--workspace", "demo", "--name", "billing-sync", "--scope", "read write")
    directory = tmp_path_factory.mktemp("nginx")
    server_certificate.renew(directory, "tokens.example.com")
    tls_port, plain_port = free_port(), free_port()
    configuration = write_configuration(
        directory,
        {
            "listen 443 ssl": f"listen 127.0.0.1:{tls_port} ssl",
            "listen 80;": f"listen 127.0.0.1:{plain_port};",
            "127.0.0.1:8443": f"127.0.0.1:{tokenos.port}",
            "127.0.0.1:8000": f"127.0.0.1:{api_port}",
            "/etc/ssl/tokens.example.com/fullchain.pem": str(directory / "server.pem"),
            "/etc/ssl/tokens.example.com/privkey.pem": str(directory / "server.pem"),
        },
    )
    nginx = subprocess.Popen([str(NGINX), "-e", str(directory / "error.log"), "-c", str(configuration)])
    site = Site(
        tokenos,
        client,
        urllib3.HTTPSConnectionPool(
            "127.0.0.1", tls_port, server_hostname="tokens.example.com", assert_hostname="tokens.example.com", ca_certs=str(directory / "ca.pem")
        ),
        urllib3.HTTPConnectionPool("127.0.0.1", plain_port),
    )
    try:
        wait_until_answering(nginx, site, directory / "error.log")
        yield site
    finally:
        nginx.terminate()
        nginx.wait(30)
        site.tls.close()
        site.plain.close()


def wait_until_answering(nginx: "subprocess.Popen[bytes]", site: Site, log: Path) -> None:
    last = time.monotonic() + 30
    while time.monotonic() < last:
        assert nginx.poll() is None, log.read_text()
        try:
            site.request("GET", "tokens.example.com", "/healthz")
        except urllib3.exceptions.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


def test_token_request_passes_through(site: Site) -> None:
    answer = site.token(scope="read")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["scope"] == "read"


def test_plain_http_is_refused_by_tokenos_and_not_redirected(site: Site) -> None:
    answer = site.request("POST", "tokens.example.com", "/oauth2/token", plain=True, fields={"grant_type": "client_credentials"}, encode_multipart=False)
    assert answer.status == 400
    assert answer.json()["error"] == "invalid_request"


def test_long_body_is_refused_in_json(site: Site) -> None:
    answer = site.request("POST", "tokens.example.com", "/oauth2/token", body=b"a=" + b"b" * 2_000_000)
    assert answer.status == 413
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
    assert "authorization" not in seen


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
    seen = site.api(f"Bearer {token}", X_TokenOS_Client_Id="somebody-else", X_TokenOS_Scopes="admin").json()
    assert seen["x-tokenos-client-id"] == site.client["client_id"]
    assert seen["x-tokenos-scopes"] == "read write"


def test_without_credentials_401_with_challenge(site: Site) -> None:
    answer = site.api()
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="TokenOS"'


def test_without_the_scope_403_with_challenge(site: Site) -> None:
    token = site.token(scope="write").json()["access_token"]
    answer = site.api(f"Bearer {token}")
    assert answer.status == 403
    assert 'error="insufficient_scope", scope="read"' in answer.headers["WWW-Authenticate"]


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


def test_too_many_failures_are_429_and_an_outage_is_503(site: Site) -> None:
    wrong = urllib3.make_headers(basic_auth="AAAAAAAAAAAAAAAAAAAAAA:wrong")["authorization"]
    for _ in range(3):
        assert site.api(wrong).status == 401
    answer = site.api(wrong)
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    token = site.token().json()["access_token"]
    site.tokenos.stop()
    try:
        assert site.api(f"Bearer {token}").status == 503
    finally:
        site.tokenos.start()
