"""Behind a proxy, forwarded headers are believed only from TRUSTED_PROXIES. Plain HTTP with TLS=off."""

import base64
import re

import pytest

from dashboard.server.connection import settle
from tests.certificates import self_signed
from tests.oauth.proofs import new_key
from tests.servers.conftest import Server, read_answer

PROXY = "10.0.0.1"
CERTIFICATE = self_signed().der
FORWARDED = [
    (b"x-forwarded-for", b"203.0.113.9"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"tokens.example.com"),
    (b"client-cert", b":" + base64.b64encode(CERTIFICATE) + b":"),
    (b"x-request-id", b"id-of-the-proxy"),
    (b"host", b"10.0.0.2:8443"),
    (b"accept", b"*/*"),
]


@pytest.fixture
def trusted(settings):  # type: ignore[no-untyped-def]
    from ipaddress import ip_network

    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def names(headers: list[tuple[bytes, bytes]]) -> set[bytes]:
    return {name for name, _ in headers}


def test_untrusted_peer_is_believed_nothing() -> None:
    connection, headers = settle("192.0.2.1", "http", FORWARDED, b"its own")
    assert connection.remote_address == "192.0.2.1"
    assert not connection.is_secure
    assert connection.client_certificate == b"its own"
    assert re.fullmatch("[0-9a-f]{32}", connection.request_id)
    assert names(headers) == {b"host", b"accept"}
    assert (b"host", b"10.0.0.2:8443") in headers


@pytest.mark.usefixtures("trusted")
def test_trusted_proxy_is_believed() -> None:
    connection, headers = settle(PROXY, "http", FORWARDED, b"the proxy's")
    assert connection.remote_address == "203.0.113.9"
    assert connection.is_secure
    assert connection.client_certificate == CERTIFICATE
    assert connection.request_id == "id-of-the-proxy"
    assert headers == [(b"accept", b"*/*"), (b"host", b"tokens.example.com")]


@pytest.mark.usefixtures("trusted")
def test_peer_outside_the_trusted_range_is_believed_nothing() -> None:
    connection, _ = settle("192.0.2.1", "https", FORWARDED, None)
    assert (connection.remote_address, connection.is_secure, connection.client_certificate) == ("192.0.2.1", True, None)


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("values", "address"),
    [
        ([], PROXY),
        ([b"203.0.113.9, 10.0.0.7"], "203.0.113.9"),
        ([b"198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        ([b"198.51.100.1", b"203.0.113.9, 10.1.1.1"], "203.0.113.9"),
        ([b"10.0.0.3, 10.0.0.4"], "10.0.0.3"),
        ([b"203.0.113.9:4711"], "203.0.113.9"),
        ([b"2001:db8::1"], "2001:db8::1"),
        ([b"[2001:DB8::1]:4711, fd00::2"], "2001:db8::1"),
        ([b"::ffff:203.0.113.9"], "203.0.113.9"),
        ([b"fe80::1%eth0"], "fe80::1"),
        ([b"203.0.113.9, unknown"], ""),
        ([b"203.0.113.9, "], ""),
        ([b""], ""),
        ([b"\xff\x00"], ""),
        ([b"1" * 8000], ""),
    ],
)
def test_x_forwarded_for_is_read_from_the_right(values: list[bytes], address: str) -> None:
    connection, _ = settle(PROXY, "http", [(b"x-forwarded-for", value) for value in values], None)
    assert connection.remote_address == address


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("scheme", "values", "secure"),
    [
        ("http", [], False),
        ("https", [], True),
        ("http", [b"https"], True),
        ("https", [b"http"], False),
        ("http", [b"http, https"], False),
        ("http", [b"https", b"http"], False),
        ("http", [b"https, https"], True),
        ("http", [b"HTTPS"], False),
        ("http", [b"wss"], False),
        ("http", [b""], False),
    ],
)
def test_every_hop_must_have_been_https(scheme: str, values: list[bytes], secure: bool) -> None:
    assert settle(PROXY, scheme, [(b"x-forwarded-proto", value) for value in values], None)[0].is_secure is secure


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("value", [b"a b", b"", b"a, b", b"a/b", b"a:123456", b"a@b", b"[::1", b"\xff", b"a" * 300, b"a\x00"])
def test_malformed_forwarded_host_leaves_the_host(value: bytes) -> None:
    assert settle(PROXY, "http", [(b"host", b"a.example"), (b"x-forwarded-host", value)], None)[1] == [(b"host", b"a.example")]


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("value", [b"short", b"a" * 65, b"with space", b"a,b,c,d,e", b'quoted"quoted', b"a" * 20 + b"\xff", b""])
def test_malformed_request_id_is_replaced(value: bytes) -> None:
    assert re.fullmatch("[0-9a-f]{32}", settle(PROXY, "http", [(b"x-request-id", value)], None)[0].request_id)


def test_name_with_underscore_is_dropped() -> None:
    assert settle("192.0.2.1", "https", [(b"x_forwarded_for", b"10.0.0.1"), (b"client_cert", b":RERS:"), (b"accept", b"*/*")], None)[1] == [(b"accept", b"*/*")]


def test_zone_of_a_link_local_peer_is_cut_off() -> None:
    """A database keeps addresses, and PostgreSQL's type for them knows no zone."""
    assert settle("fe80::1%eth0", "https", [], None)[0].remote_address == "fe80::1"


def test_request_ids_never_repeat() -> None:
    assert len({settle("192.0.2.1", "https", [], None)[0].request_id for _ in range(1000)}) == 1000


def test_server_without_tls_refuses_plain_http_and_takes_a_trusted_proxys_word(proxied: Server) -> None:
    assert not (proxied.data_dir / "tls").exists()
    assert proxied.get("/oauth2/token").status_code == 400
    assert proxied.get("/accounts/sign-in/").status_code == 400
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "tokens.example.com", "X-Request-Id": "chosen-by-the-proxy"}
    for path in ("/oauth2/token", "/accounts/sign-in/", "/nowhere"):
        answer = proxied.get(path, headers=forwarded)
        assert answer.status_code == {"/oauth2/token": 405, "/accounts/sign-in/": 200, "/nowhere": 404}[path]
        assert answer.headers["X-Request-Id"] == "chosen-by-the-proxy"


def test_server_believes_no_other_peer(proxied: Server) -> None:
    forged = "X-Forwarded-Proto: https\r\nX-Forwarded-For: 10.0.0.1\r\nForwarded: proto=https\r\nX-Request-Id: chosen-by-anybody"
    for path in ("/oauth2/token", "/nowhere"):
        with proxied.connect(source="127.0.0.2") as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: tokens.example.com\r\n{forged}\r\n\r\n".encode())
            answer = read_answer(sock)
        assert answer.status == 400
        assert answer.headers["x-request-id"] != "chosen-by-anybody"


@pytest.mark.rfc("9449", "4.3")
def test_path_that_envoy_appends_is_accepted_as_it_was_sent(proxied: Server) -> None:
    """%2F in it is no slash."""
    client = proxied.manage("create_client", "--workspace", "demo", "--name", "robot")
    forwarded = {"X-Forwarded-Proto": "https"}
    key = new_key()
    basic = (client["client_id"], client["client_secret"])
    proof = key.sent("POST", "https://tokens.example.com/oauth2/token")
    token = proxied.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=basic, headers=forwarded | proof).json()["access_token"]
    headers = forwarded | {"Authorization": f"DPoP {token}", "Host": "api.example.com"}

    def ask(url: str) -> int:
        path = "/gateway/demo/verify/files/a%2Fb%20c?limit=1"
        head = "".join(f"{name}: {value}\r\n" for name, value in (headers | key.sent("DELETE", url, token=token)).items())
        return proxied.exchange(f"DELETE {path} HTTP/1.1\r\n{head}\r\n".encode()).status

    assert ask("https://api.example.com/files/a%2Fb%20c") == 200
    assert ask("https://api.example.com/files/a%2fb%20c?limit=1") == 200
    assert ask("https://api.example.com/files/a/b%20c") == 401
