"""Programs' client certificates don't disturb browsers: no prompt and no failed handshake. RFC 8705 §2 requests certificates in TLS."""

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.browser.conftest import Watched
from tests.certificates import Authority, pem, self_signed
from tests.servers.conftest import Server


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Asks every connection for a certificate: one is registered, and there is a CA for others."""
    server = make_server()
    certificate = self_signed().write(tmp_path_factory.mktemp("holder"))[0]
    server.manage("create_client", "--workspace", "demo", "--name", "m", "--auth-method", "self_signed_tls_client_auth", "--certificate", certificate)
    (server.data_dir / "tls" / "client-ca.pem").write_text(pem(Authority.create().certificate))
    time.sleep(1)
    asked = ["openssl", "s_client", "-connect", f"localhost:{server.port}"]
    assert "Requested Signature Algorithms" in subprocess.run(asked, input="", check=True, capture_output=True, text=True, timeout=30).stdout
    yield server
    server.stop()


def test_sign_in_opens_without_asking_for_a_certificate(server: Server, visit: Callable[..., Watched]) -> None:
    watched = visit()
    page = watched.page
    page.set_default_timeout(10_000)
    for _ in range(3):
        answer = page.goto("/accounts/sign-in/")
        assert answer is not None
        assert answer.status == 200
        assert page.get_by_role("button", name="Sign in").is_visible()
    assert watched.complaints == []
    assert page.evaluate("fetch('/healthz').then(answer => answer.status)") == 200
