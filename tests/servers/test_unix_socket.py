"""HOST may be a Unix socket: a peer that can't reach it can't pretend to be the proxy. Under the real nginx, with deploy/nginx.conf's line for it."""

import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest
import urllib3
from django.core.exceptions import ImproperlyConfigured

from dashboard.instance import environment
from dashboard.server.connection import settle
from tests.ports import free_port
from tests.servers.conftest import Answer, Server, read_answer
from tests.servers.nginx import NGINX, write_configuration
from tests.servers.proxies import wait_until_answering
from tests.servers.stores import missing

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Short: a path of a socket has 107 characters."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def ask(path: Path, request: bytes) -> Answer:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        sock.connect(str(path))
        sock.sendall(request)
        return read_answer(sock)


def start(server: Server, path: Path) -> None:
    server.start(wait=False)
    assert server.process is not None
    last = time.monotonic() + 120
    while time.monotonic() < last:
        assert server.process.poll() is None, server.log.read_text()
        with suppress(OSError, HTTPException):
            if ask(path, HEALTH).status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(server.log.read_text())


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server], folder: Path) -> Server:
    """With what one that was killed has left at its place."""
    path = folder / "tokenos.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    server = make_server(start=False, TLS="off", HOST=f"unix:{path}", ISSUER_URL="https://tokens.example.com", CLIENT_CERT_HEADER="X-SSL-Client-Cert")
    start(server, path)
    return server


@pytest.fixture(scope="module")
def nginx(server: Server, folder: Path) -> Iterator[urllib3.HTTPConnectionPool]:
    """Its port 80, which it passes on as plain HTTP, but for what the test says of HTTPS."""
    if NGINX is None:
        missing("nginx", install="apt install nginx")
    port = free_port()
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    configuration = write_configuration(
        folder,
        {
            "listen 443 ssl": f"listen 127.0.0.1:{free_port()} ssl",
            "listen 80;": f"listen 127.0.0.1:{port};",
            "unix:/run/tokenos/tokenos.sock": f"unix:{folder}/tokenos.sock",
            "/etc/ssl/tokens.example.com/fullchain.pem": str(certificate),
            "/etc/ssl/tokens.example.com/privkey.pem": str(key),
            # So the test needs no TLS in nginx.
            "proxy_set_header X-Forwarded-Proto $scheme;": "proxy_set_header X-Forwarded-Proto https;",
        },
    )
    process = subprocess.Popen([str(NGINX), "-e", str(folder / "error.log"), "-c", str(configuration)])
    pool = urllib3.HTTPConnectionPool("127.0.0.1", port, headers={"Host": "tokens.example.com"}, retries=False, timeout=30)
    try:
        wait_until_answering(process, folder / "error.log", lambda: pool.request("GET", "/healthz").status == 200)
        yield pool
    finally:
        pool.close()
        process.terminate()
        process.wait(30)


def test_only_its_owner_and_group_can_connect(server: Server, folder: Path) -> None:
    status = (folder / "tokenos.sock").stat()
    assert (stat.S_ISSOCK(status.st_mode), stat.S_IMODE(status.st_mode)) == (True, 0o660)
    assert status.st_uid == os.geteuid()
    assert not server.is_listening()


def test_nginx_gets_a_token_by_it_and_says_where_the_caller_is(server: Server, nginx: urllib3.HTTPConnectionPool) -> None:
    for ranges, expected in (("127.0.0.0/8", 200), ("192.0.2.0/24", 401)):
        client = server.manage("create_client", "--workspace", "demo", "--name", "billing", "--scope", "read", "--allow-ip", ranges)
        headers = urllib3.make_headers(basic_auth=f"{client['client_id']}:{client['client_secret']}") | {"Host": "tokens.example.com"}
        forged = {"X-Forwarded-For": "192.0.2.1", "X-SSL-Client-Cert": "x"}
        answer = nginx.request("POST", "/oauth2/token", fields={"grant_type": "client_credentials"}, encode_multipart=False, headers=headers | forged)
        assert answer.status == expected, answer.data


def test_who_comes_by_it_is_believed(server: Server, folder: Path) -> None:
    head = "GET /accounts/sign-in/ HTTP/1.1\r\nHost: tokens.example.com\r\nConnection: close\r\n"
    assert ask(folder / "tokenos.sock", f"{head}\r\n".encode()).status == 400
    answer = ask(folder / "tokenos.sock", f"{head}X-Forwarded-Proto: https\r\nX-Request-Id: of-the-proxy\r\n\r\n".encode())
    assert (answer.status, answer.headers["x-request-id"]) == (200, "of-the-proxy")


@pytest.mark.parametrize(("host", "is_secure"), [("unix:/run/tokenos/tokenos.sock", True), ("127.0.0.1", False)])
def test_a_peer_without_an_address_is_believed_only_there(settings, host: str, is_secure: bool) -> None:  # type: ignore[no-untyped-def]
    settings.HOST = host
    headers = [(b"x-forwarded-proto", b"https"), (b"x-forwarded-for", b"203.0.113.9")]
    connection, _ = settle("", "http", headers, None)
    assert (connection.is_secure, connection.remote_address) == (is_secure, "203.0.113.9" if is_secure else "")
    assert not settle("192.0.2.1", "http", headers, None)[0].is_secure


def test_a_socket_in_use_is_not_taken_over(server: Server, make_server: Callable[..., Server], folder: Path) -> None:
    second = make_server(start=False, TLS="off", HOST=f"unix:{folder}/tokenos.sock", ISSUER_URL="https://tokens.example.com")
    second.start(wait=False)
    assert second.process is not None
    assert second.process.wait(60) == 1
    assert f"{folder}/tokenos.sock is in use." in second.log.read_text()
    assert ask(folder / "tokenos.sock", HEALTH).status == 200


@pytest.mark.parametrize("value", ["unix:", "unix:tokenos.sock", "unix:@tokenos", f"unix:/{'x' * 107}"])
def test_anything_but_a_whole_path_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HOST", value)
    with pytest.raises(ImproperlyConfigured, match="HOST must be an address, or unix: followed by an absolute path of up to 107 characters"):
        environment.listening("HOST", default="127.0.0.1")
    monkeypatch.setenv("HOST", f"unix:/{'x' * 106}")
    assert environment.listening("HOST", default="127.0.0.1") == f"unix:/{'x' * 106}"


@pytest.mark.parametrize(("path", "said"), [("file", "isn't a socket"), ("nowhere/tokenos.sock", "can't make a socket in")])
def test_a_place_where_no_socket_can_be_is_refused_in_one_line(make_server: Callable[..., Server], folder: Path, path: str, said: str) -> None:
    (folder / "file").touch()
    server = make_server(start=False, TLS="off")
    server.environment["HOST"] = f"unix:{folder}/{path}"
    done = server.run("-m", "dashboard.server.listening")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert said in done.stderr


def test_it_is_gone_when_the_server_has_ended(server: Server, nginx: urllib3.HTTPConnectionPool, folder: Path) -> None:
    assert server.stop() == 0
    assert not (folder / "tokenos.sock").exists()
    assert nginx.request("GET", "/healthz").status == 502
    start(server, folder / "tokenos.sock")
    assert nginx.request("GET", "/healthz").status == 200
