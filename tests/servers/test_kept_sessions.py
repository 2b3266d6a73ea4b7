"""OpenSSL keeps TLS 1.2 sessions for two hours after a clean close, each with the client's certificate. It can be told to keep none, except in a Python into
which it is linked: there, it isn't told about the end. RFC 5246 §7.2.1.
"""

import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from dashboard.instance import server_certificate
from dashboard.server import openssl
from dashboard.server.tls_context import ServerContext

WAYS = ["told", "not to be told"]
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(params=WAYS)
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    if request.param != "told":
        monkeypatch.setattr(openssl, "_load", lambda: None)
    server_certificate.renew(tmp_path, "localhost")
    return ServerContext(tmp_path / "server.pem").get()


class Pair:
    """Both ends of a connection."""

    def __init__(self, server: ssl.SSLContext, directory: Path, version: ssl.TLSVersion) -> None:
        client = ssl.create_default_context(cafile=str(directory / "ca.pem"))
        client.maximum_version = version
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client, self.server = client.wrap_bio(down, up, server_hostname="localhost"), server.wrap_bio(up, down, server_side=True)
        ends = [self.client, self.server]
        while ends:
            for end in list(ends):
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
                    ends.remove(end)

    def ask(self, *, more: bytes = b"") -> None:
        self.client.write(b"question" + more)
        assert self.server.read(100) == b"question" + more
        self.server.write(b"answer")
        assert self.client.read(100) == b"answer"

    def end(self, *, by_client: bool) -> None:
        if by_client:
            self.client.write(b"more")
            with pytest.raises(ssl.SSLWantReadError):
                self.client.unwrap()
            # First comes the data before the end.
            assert [self.server.read(100) for _ in range(3)] == [b"more", b"", b""]
        with suppress(ssl.SSLWantReadError):
            self.server.unwrap()


@pytest.mark.parametrize("version", VERSIONS, ids=["TLS 1.2", "TLS 1.3"])
@pytest.mark.parametrize("by_client", [True, False], ids=["by the client", "by the server"])
def test_none_is_kept_of_a_connection_that_has_ended(server: ssl.SSLContext, tmp_path: Path, version: ssl.TLSVersion, by_client: bool) -> None:
    """Whoever else holds on to the context, by a connection that stays open."""
    other = Pair(server, tmp_path, version)
    for _ in range(3):
        pair = Pair(server, tmp_path, version)
        pair.ask()
        pair.end(by_client=by_client)
        del pair
    assert server.session_stats()["number"] <= 1
    other.ask()
