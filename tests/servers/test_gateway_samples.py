"""The sample of the docs pages for nginx, as they fill it in, under the real nginx in front of an API that doesn't know credentials.

The samples for Caddy, Traefik and Envoy run in test_gateway_proxies.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
import urllib3
from django.template.loader import render_to_string

from tests.ports import free_port
from tests.servers.conftest import Server
from tests.servers.nginx import NGINX, api_port  # noqa: F401  # a fixture
from tests.servers.proxies import wait_until_answering
from tests.servers.stores import missing
from tests.servers.test_nginx_gateway import FORWARDED

AUDIENCE = "https://api.example.com/v1"


def make_client(server: Server, *, scope: str, audience: str = AUDIENCE, environment: str = "live") -> dict[str, Any]:
    arguments = ("--workspace", "demo", "--name", "sample", "--scope", scope, "--audience", audience, "--environment", environment)
    made: dict[str, Any] = server.manage("create_client", *arguments)
    return made


@pytest.fixture(scope="module")
def site(server: Server, api_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[urllib3.HTTPConnectionPool]:  # noqa: F811
    if NGINX is None:
        missing("nginx", install="apt install nginx")
    directory, port = tmp_path_factory.mktemp("sample"), free_port()
    values = {"ca": str(server.ca), "gateway_url": f"{server.url}/gateway/demo/verify?scope=read&audience={AUDIENCE}&environment=live"}
    sample = unescape(render_to_string("docs/code/nginx.txt", {"values": values})).replace("127.0.0.1:8000", f"127.0.0.1:{api_port}")
    temporary = "\n".join(f"{name}_temp_path {directory}/{name};" for name in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi"))
    user = "user root; " if os.geteuid() == 0 else ""
    configuration = directory / "nginx.conf"
    configuration.write_text(
        f"{user}daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/error.log;\nevents {{}}\n"
        f"http {{ access_log off; {temporary}\nserver {{ listen 127.0.0.1:{port};\n{sample}\n}} }}\n"
    )
    nginx = subprocess.Popen([str(NGINX), "-e", str(directory / "error.log"), "-c", str(configuration)])
    pool = urllib3.HTTPConnectionPool("127.0.0.1", port)
    try:
        wait_until_answering(nginx, directory / "error.log", lambda: bool(pool.request("GET", "/", retries=False, timeout=10).status))
        yield pool
    finally:
        nginx.terminate()
        nginx.wait(30)
        pool.close()


def token_of(server: Server, made: dict[str, Any]) -> str:
    answer = server.post("/oauth2/token", auth=(made["client_id"], made["client_secret"]), data={"grant_type": "client_credentials"}).json()
    return str(answer["access_token"])


def ask(site: urllib3.HTTPConnectionPool, **headers: str) -> Any:
    return site.request("GET", "/orders?page=2", headers=headers, retries=False, timeout=30)


def test_the_callers_identity_reaches_the_api_and_the_credentials_do_not(server: Server, site: urllib3.HTTPConnectionPool) -> None:
    made = make_client(server, scope="read write")
    answer = ask(site, Authorization=f"Bearer {token_of(server, made)}", **{"X-TokenOS-Client-Id": "forged", "X-TokenOS-Environment": "forged"})
    assert answer.status == 200
    seen = answer.json()
    assert (seen["x-tokenos-client-id"], seen["x-tokenos-workspace"], seen["x-tokenos-scopes"]) == (made["client_id"], "demo", "read write")
    assert seen["x-tokenos-environment"] == "live"
    assert "authorization" not in seen


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"X-API-Key": "x"}])
def test_nobody_gets_through_without_a_credential(site: urllib3.HTTPConnectionPool, headers: dict[str, str]) -> None:
    answer = ask(site, **headers)
    assert answer.status == 401
    assert re.fullmatch(r"[0-9A-Za-z._-]{8,64}", answer.headers["X-Request-Id"])


def test_what_the_sample_requires_is_checked(server: Server, site: urllib3.HTTPConnectionPool) -> None:
    assert ask(site, Authorization=f"Bearer {token_of(server, make_client(server, scope='write'))}").status == 403
    trial = make_client(server, scope="read", environment="test")
    assert ask(site, Authorization=f"Bearer {token_of(server, trial)}").status == 403
    elsewhere = make_client(server, scope="read", audience="https://other.example.com")
    assert ask(site, Authorization=f"Bearer {token_of(server, elsewhere)}").status == 401


def test_a_caller_does_not_choose_the_id_of_its_request(server: Server, site: urllib3.HTTPConnectionPool) -> None:
    """Else it could write under that of another request."""
    before = server.log.read_text().count("refused: ")
    assert ask(site, **{"X-API-Key": "tos_live_wrong", "X-Request-Id": "chosen-by-the-caller"}).status == 401
    log = server.log.read_text()
    assert log.count("refused: ") > before
    assert "chosen-by-the-caller" not in log


def test_the_api_gets_no_forwarded_header_of_the_caller(server: Server, site: urllib3.HTTPConnectionPool) -> None:
    made = make_client(server, scope="read")
    answer = ask(site, **{"X-API-Key": made["client_secret"]}, **dict.fromkeys(FORWARDED, "forged"))
    assert answer.status == 200
    assert "forged" not in answer.json().values()
