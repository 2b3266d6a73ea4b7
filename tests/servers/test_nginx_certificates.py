"""deploy/nginx.conf requests certificates only if the operator makes it do so: nginx itself reads a stranger's certificate, and everything else stands still
meanwhile.
"""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.instance import server_certificate
from tests.ports import free_port
from tests.servers.nginx import NGINX, write_configuration
from tests.servers.stores import missing

OPENSSL = shutil.which("openssl")
ASKED = "# ssl_verify_client optional_no_ca;"


@pytest.fixture
def handshake(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """What OpenSSL's client says of one, with nginx as the sample has it but for replacements."""
    if NGINX is None or OPENSSL is None:
        missing("nginx and openssl", install="apt install nginx openssl")
    server_certificate.renew(tmp_path, "tokens.example.com")
    port, running = free_port(), []

    def handshake(host: str, replacements: dict[str, str]) -> str:
        configuration = write_configuration(
            tmp_path,
            {
                "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
                "listen 80;": f"listen 127.0.0.1:{free_port()};",
                "/etc/ssl/tokens.example.com/fullchain.pem": str(tmp_path / "server.pem"),
                "/etc/ssl/tokens.example.com/privkey.pem": str(tmp_path / "server.pem"),
                **replacements,
            },
        )
        running.append(subprocess.Popen([str(NGINX), "-e", str(tmp_path / "error.log"), "-c", str(configuration)]))
        command = [str(OPENSSL), "s_client", "-connect", f"127.0.0.1:{port}", "-servername", host, "-tls1_2"]
        last = time.monotonic() + 30
        while time.monotonic() < last:
            said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL).stdout
            if "Cipher is ECDHE" in said:
                return said
            time.sleep(0.1)
        raise AssertionError((tmp_path / "error.log").read_text())

    yield handshake
    for nginx in running:
        nginx.terminate()
        nginx.wait(30)


@pytest.mark.parametrize("host", ["tokens.example.com", "api.example.com"])
@pytest.mark.parametrize("is_asked", [False, True])
def test_sample_asks_nobody_for_a_certificate_until_its_line_is_taken_up(handshake: Callable[..., str], host: str, *, is_asked: bool) -> None:
    said = handshake(host, {ASKED: ASKED.removeprefix("# ")} if is_asked else {})
    assert ("Client Certificate Types" in said) == is_asked
