"""Runs Caddy, Traefik and Envoy with the samples of the docs pages, as the pages fill them in.

In front of them is a caller who sends any bytes. Behind them are TokenOS, and an API that sees headers as in Python's WSGI (PEP 3333): - and _ are the same.
"""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import yaml
from django.template.loader import render_to_string

from clients.models import Workspace
from dashboard.instance import server_certificate
from tests.ports import free_port
from tests.servers.conftest import Answer, Server, read_answer
from tests.servers.proxies import wait_until_answering
from tests.servers.stores import missing

HOST = "api.example.com"
AUDIENCE = f"https://{HOST}/v1"
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


class ThreadingWSGIServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """What a WSGI framework knows of the request's headers."""
    body = json.dumps({name: value for name, value in environ.items() if name.startswith("HTTP_")}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


@contextmanager
def serving_api() -> Iterator[int]:
    with make_server("127.0.0.1", 0, echo, ThreadingWSGIServer, QuietHandler) as api:
        thread = threading.Thread(target=api.serve_forever)
        thread.start()
        yield api.server_port
        api.shutdown()
        thread.join()


@dataclass
class Site:
    """A proxy that asks TokenOS."""

    tokenos: Server
    port: int
    directory: Path

    def exchange(self, path: str, headers: Sequence[tuple[str, str]], *, method: str = "GET", host: str = HOST) -> Answer:
        """Each header as it is given, also twice."""
        head = "".join(f"{name}: {value}\r\n" for name, value in (("Host", host), *headers))
        context = ssl.create_default_context(cafile=str(self.directory / "ca.pem"))
        with context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 30), server_hostname=HOST) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode())
            return read_answer(connection, method)


def sample(name: str, tokenos: Server, api_port: int) -> str:
    values = {
        "issuer": tokenos.url,
        "gateway": f"/gateway/demo/verify?scope=read&audience={AUDIENCE}&environment=live",
        "gateway_url": f"{tokenos.url}/gateway/demo/verify?scope=read&audience={AUDIENCE}&environment=live",
        "scope": "read",
        "audience": AUDIENCE,
        "ca": "",
    }
    text = unescape(render_to_string(f"docs/code/{name}.txt", {"values": values, "workspace": Workspace(slug="demo")}))
    return text.replace("127.0.0.1:8000", f"127.0.0.1:{api_port}")


def configure_caddy(directory: Path, text: str, port: int, _tokenos: Server, _api_port: int) -> list[str]:
    pair = directory / "server.pem"
    site = text.replace(f"{HOST} {{", f"https://{HOST}:{port} {{\n\tbind 127.0.0.1\n\ttls {pair} {pair}", 1)
    (directory / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n}}\n{site}\n")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(directory / "Caddyfile")]


def configure_traefik(directory: Path, text: str, port: int, _tokenos: Server, _api_port: int) -> list[str]:
    pair = str(directory / "server.pem")
    dynamic = yaml.safe_load(text) | {"tls": {"certificates": [{"certFile": pair, "keyFile": pair}]}}
    (directory / "dynamic.yml").write_text(yaml.safe_dump(dynamic))
    return [
        "traefik",
        f"--entrypoints.websecure.address=127.0.0.1:{port}",
        f"--providers.file.filename={directory / 'dynamic.yml'}",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
    ]


def configure_envoy(directory: Path, text: str, port: int, tokenos: Server, api_port: int) -> list[str]:
    """What the sample leaves to the reader is here as small as it can be: the listener, the route and the two clusters."""

    def address(number: int) -> dict[str, Any]:
        return {"address": {"socket_address": {"address": "127.0.0.1", "port_value": number}}}

    def cluster(name: str, number: int) -> dict[str, Any]:
        return {"name": name, "type": "STATIC", "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": address(number)}]}]}}

    types = "type.googleapis.com/envoy.extensions"
    pair = {"filename": str(directory / "server.pem")}
    tls = {
        "@type": f"{types}.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"tls_certificates": [{"certificate_chain": pair, "private_key": pair}]},
    }
    host = {
        "name": "api",
        "domains": [HOST],
        "request_headers_to_remove": ["authorization", "dpop", "x-api-key"],
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "api"}}],
    }
    manager = {
        "@type": f"{types}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "api",
        "route_config": {"virtual_hosts": [host]},
        **yaml.safe_load(text),
    }
    chain = {
        "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": tls},
        "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
    }
    resources = {
        "listeners": [{"name": "https", **address(port), "filter_chains": [chain]}],
        "clusters": [cluster("tokenos", tokenos.port), cluster("api", api_port)],
    }
    (directory / "envoy.yaml").write_text(json.dumps({"static_resources": resources}))
    return ["envoy", "-c", str(directory / "envoy.yaml"), "--concurrency", "1", "--use-dynamic-base-id"]


CONFIGURE = {"caddy": configure_caddy, "traefik": configure_traefik, "envoy": configure_envoy}


@contextmanager
def serving(name: str, tokenos: Server, directory: Path) -> Iterator[Site]:
    server_certificate.renew(directory, HOST)
    port = free_port()
    with serving_api() as api_port, (directory / "log").open("wb") as log:
        command = CONFIGURE[name](directory, sample(name, tokenos, api_port), port, tokenos, api_port)
        program = shutil.which(command[0], path=PATH)
        if program is None:
            missing(name.capitalize(), install="run “make test”, whose dependencies bring it")
        environment = {"PATH": PATH, "HOME": str(directory)}
        proxy = subprocess.Popen([str(program), *command[1:]], cwd=directory, env=environment, stdout=log, stderr=log)
        try:
            site = Site(tokenos, port, directory)
            wait_until_answering(proxy, directory / "log", lambda: site.exchange("/", ()).status == 401)
            yield site
        finally:
            proxy.terminate()
            proxy.wait(30)
