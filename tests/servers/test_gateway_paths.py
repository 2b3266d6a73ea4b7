"""If something between a gateway and TokenOS resolves the dots of a path, a caller's path must still not lead to another of TokenOS's addresses."""

import platform
import posixpath
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote

import pytest

from tests.servers.conftest import Server
from tests.servers.gateway_proxies import Site, serving


def make_handler(tokenos: Server) -> type[BaseHTTPRequestHandler]:
    class Resolving(BaseHTTPRequestHandler):
        """As Traefik does it."""

        def do_GET(self) -> None:
            connection = HTTPConnection("127.0.0.1", tokenos.port)
            connection.request("GET", posixpath.normpath(unquote(self.path.partition("?")[0])), headers=dict(self.headers))
            answer = connection.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.read())
            connection.close()

        def log_message(self, *_: Any) -> None:
            pass

    return Resolving


@pytest.fixture(scope="module")
def site(proxied: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Envoy: of the proxies with samples, the only one that adds the caller's path to its own."""
    if platform.machine() != "x86_64":
        pytest.skip("The package that brings Envoy has none for this machine")
    with ThreadingHTTPServer(("127.0.0.1", 0), make_handler(proxied)) as between:
        thread = Thread(target=between.serve_forever)
        thread.start()
        with serving("envoy", replace(proxied, port=between.server_address[1]), tmp_path_factory.mktemp("envoy")) as site:
            yield site
        between.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/.well-known/jwks.json", "/oauth2/authorize", "/accounts/sign-in/", "/static/no/gateway/"])
def test_what_a_gateway_asks_at_any_other_path_is_refused(proxied: Server, path: str) -> None:
    """Gateways that are set up without these precautions let a caller in for each 200."""
    assert proxied.get(path, headers={"X-TokenOS-Require-Scope": "read"}).status_code == 403


PATHS = ["/../../../healthz", "/x/../../../../healthz", "//../../../healthz", "/%2e%2e/%2E%2e/.%2e/healthz", "/..%2f..%2f..%2fhealthz"]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_lets_a_caller_in_without_a_credential(site: Site, path: str) -> None:
    assert site.exchange(path, (("X-TokenOS-Client-Id", "forged"),)).status in (400, 401)
