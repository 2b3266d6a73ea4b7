"""nginx with deploy/nginx.conf as it is but for ports and files, in front of TokenOS without TLS and an API that doesn't know credentials."""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from dashboard.instance import server_certificate
from tests.ports import free_port
from tests.servers.conftest import ROOT, Server
from tests.servers.proxies import wait_until_answering
from tests.servers.stores import missing

AUDIENCE = "https://api.example.com"
# Seconds that a handshake may take here: a test waits for their end.
HANDSHAKE = 3
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
            "server unix:/run/tokenos/tokenos.sock": f"server 127.0.0.1:{tokenos.port}",
            "127.0.0.1:8000": f"127.0.0.1:{api_port}",
            "/etc/ssl/tokens.example.com/fullchain.pem": str(directory / "server.pem"),
            "/etc/ssl/tokens.example.com/privkey.pem": str(directory / "server.pem"),
            "# ssl_verify_client optional_no_ca;": "ssl_verify_client optional_no_ca;",
            # The first is the server that applies until the caller has named the host.
            "client_header_timeout 10s;\n    return 421;": f"client_header_timeout {HANDSHAKE}s;\n    return 421;",
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
