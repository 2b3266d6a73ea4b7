"""Anybody may send client certificates in a handshake whose keys take OpenSSL seconds to read: others must not notice it. The client speaks raw TLS 1.2, in
which the certificate comes before the server can ask for more. RFC 5246, RFC 8446.

They are refused before OpenSSL reads them. If OpenSSL's functions can't be called, because it is linked into Python, threads read them.
"""

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from cryptography import x509

from clients.certificate import MAX_DER_LENGTH
from tests.certificates import CLIENT_AUTH, Authority, Holder, issue, pem, pem_of, self_signed
from tests.hostile_handshakes import certificates, client_hello, disguised, message, records, with_hello, with_rest_of_hello
from tests.hostile_keys import certificate, curve_public
from tests.servers.conftest import Server, read_answer
from tests.servers.test_mtls import named, wait_for_the_workers

ALERT, HANDSHAKE = 21, 22
ELSEWHERE = "127.0.0.2"
FORM = b"grant_type=client_credentials&client_id="
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def begin(server: Server, *, address: str = "127.0.0.1", more: bytes = b"") -> socket.socket:
    """A handshake that has come to the client's certificate. more: what is sent without waiting for that."""
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=60, source_address=(address, 0))
    sock.sendall(client_hello() + more)
    # ServerHelloDone is the server's last message.
    received = b""
    while not received.endswith(b"\x0e\0\0\0"):
        part = sock.recv(65_536)
        assert part, "The server closed the connection."
        received += part
    return sock


def is_answered(sock: socket.socket) -> bool:
    return bool(select.select([sock], [], [], 0)[0])


def wait_for_the_end(sock: socket.socket) -> None:
    """An alert; or none, where reading took longer than a handshake may."""
    with suppress(ConnectionError):
        assert sock.recv(100)[:1] in (bytes([ALERT]), b"")


def connect(server: Server, address: str, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
    raw = socket.create_connection(("127.0.0.1", server.port), timeout=30, source_address=(address, 0))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return (context or server.context()).wrap_socket(raw, server_hostname="localhost")


def ask_health(server: Server, address: str = "127.0.0.1") -> int:
    with connect(server, address) as sock:
        sock.sendall(HEALTH)
        return read_answer(sock).status


# This imitates a Python into which OpenSSL is linked. Each process that runs Python's exit handlers logs it.
ENDED = "Python has ended"
STATIC = f"import _ssl, atexit, os; del _ssl.__file__; atexit.register(os.write, 2, b'{ENDED}')"


@pytest.fixture(scope="module")
def authority() -> Authority:
    """The one that all servers here trust."""
    return Authority.create()


def ask_for_certificates(server: Server, authority: Authority) -> Server:
    (server.data_dir / "tls" / "client-ca.pem").write_text(pem(authority.certificate))
    wait_for_the_workers()
    return server


@pytest.fixture(scope="module")
def outlines(make_server: Callable[..., Server], authority: Authority) -> Server:
    return ask_for_certificates(make_server(WEB_CONCURRENCY="1"), authority)


@pytest.fixture(scope="module")
def in_threads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a server that reads certificates in threads."""
    folder = tmp_path_factory.mktemp("static")
    (folder / "sitecustomize.py").write_text(STATIC)
    return {"WEB_CONCURRENCY": "1", "PYTHONPATH": str(folder)}


@pytest.fixture(scope="module")
def threads(make_server: Callable[..., Server], in_threads: dict[str, str], authority: Authority) -> Server:
    return ask_for_certificates(make_server(**in_threads), authority)


@pytest.fixture
def server(make_server: Callable[..., Server], in_threads: dict[str, str], authority: Authority, request: pytest.FixtureRequest) -> Iterator[Server]:
    """Of the tests that say nothing else, one of their own that reads certificates in threads: whoever has sent a bad one sends no more."""
    if hasattr(request, "param"):
        shared: Server = request.getfixturevalue(request.param)
        yield shared
        return
    own = ask_for_certificates(make_server(**in_threads), authority)
    yield own
    assert own.process is not None
    if own.process.poll() is None:
        own.stop()


in_either_way = pytest.mark.parametrize("server", ["outlines", "threads"], indirect=True)
by_outline = pytest.mark.parametrize("server", ["outlines"], indirect=True)


@pytest.fixture
def token(server: Server, authority: Authority, tmp_path: Path) -> Callable[[str], int]:
    """Get a token with a certificate on a new connection from an address, and return the status."""
    arguments = ("--auth-method", "tls_client_auth", "--tls-subject", "san_dns:billing.example.com")
    client_id = server.manage("create_client", "--workspace", "demo", "--name", "machine", "--scope", "read", *arguments)["client_id"]
    context = server.context()
    context.load_cert_chain(*named(authority).write(tmp_path))

    def token(address: str) -> int:
        with connect(server, address, context) as sock:
            body = FORM + client_id.encode()
            head = f"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
            sock.sendall(head.encode() + body)
            return read_answer(sock).status

    return token


@pytest.fixture
def good(authority: Authority) -> Holder:
    return issue(authority)


def at_once(sock: socket.socket) -> None:
    sock.sendall(certificates(4))


def in_small_records(sock: socket.socket) -> None:
    sock.sendall(certificates(4, size=64))


def in_small_parts(sock: socket.socket) -> None:
    whole = certificates(4)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for place in range(0, len(whole), 100):
        sock.sendall(whole[place : place + 100])
        time.sleep(0.001)


SENDERS = [at_once, in_small_records, in_small_parts]


@pytest.mark.slow
@pytest.mark.parametrize("send", SENDERS)
def test_certificates_that_take_seconds_to_read_keep_nobody_waiting(server: Server, send: Callable[[socket.socket], None]) -> None:
    with begin(server) as sock:
        send(sock)
        assert [ask_health(server) for _ in range(10)] == [200] * 10
        assert not is_answered(sock)
        wait_for_the_end(sock)
    assert ask_health(server) == 200


@pytest.mark.slow
def test_certificates_sent_along_with_the_first_message_keep_nobody_waiting(server: Server) -> None:
    with begin(server, more=certificates(4)) as sock:
        assert [ask_health(server) for _ in range(10)] == [200] * 10
        assert not is_answered(sock)


@pytest.mark.slow
def test_certificates_in_a_record_that_looks_like_a_first_message_keep_nobody_waiting(server: Server) -> None:
    with begin(server, more=disguised()) as sock:
        assert [ask_health(server) for _ in range(10)] == [200] * 10
        assert not is_answered(sock)


@pytest.mark.slow
@pytest.mark.parametrize("send", [with_hello, with_rest_of_hello])
def test_certificates_in_a_record_with_the_first_message_keep_nobody_waiting(server: Server, send: Callable[[], bytes]) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as sock:
        sock.sendall(send())
        assert [ask_health(server) for _ in range(10)] == [200] * 10
        assert not is_answered(sock)
        # The server's part of the handshake and then the alert; or nothing, if reading took longer than a handshake may.
        with suppress(ConnectionError):
            assert sock.recv(100)[:1] in (bytes([HANDSHAKE]), b"")


@pytest.mark.slow
def test_others_use_their_certificates_meanwhile_and_the_sender_no_longer(server: Server, token: Callable[[str], int]) -> None:
    assert token("127.0.0.1") == 200
    with ExitStack() as stack:
        first, *others = [stack.enter_context(begin(server)) for _ in range(4)]
        for sock in (first, *others):
            at_once(sock)
        assert [token(ELSEWHERE) for _ in range(5)] == [200] * 5
        # One at a time: none of them is read before the first one is done, and none is read afterwards.
        assert not any(is_answered(sock) for sock in (first, *others))
        for sock in (first, *others):
            wait_for_the_end(sock)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        token("127.0.0.1")
    assert token(ELSEWHERE) == 200
    assert ask_health(server) == 200


@by_outline
@pytest.mark.parametrize("send", SENDERS)
def test_they_are_refused_before_they_are_read_and_the_log_says_why(server: Server, send: Callable[[socket.socket], None]) -> None:
    before = server.log.read_text().count("an EC key without a named curve")
    # A few are logged for each address.
    with begin(server, address=f"127.0.0.{30 + SENDERS.index(send)}") as sock:
        send(sock)
        assert sock.recv(100)[:1] == bytes([ALERT])
    assert server.log.read_text().count("an EC key without a named curve") == before + 1


@by_outline
def test_who_is_behind_the_same_address_goes_on_using_certificates(server: Server, token: Callable[[str], int]) -> None:
    for _ in range(20):
        with begin(server) as sock:
            at_once(sock)
            wait_for_the_end(sock)
    assert [token("127.0.0.1") for _ in range(5)] == [200] * 5


@by_outline
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_one_that_is_sent_along_with_a_good_one_is_refused_too(server: Server, good: Holder, tmp_path: Path, version: ssl.TLSVersion) -> None:
    certificate_file, key_file = good.write(tmp_path)
    context = server.context()
    context.minimum_version = context.maximum_version = version
    Path(certificate_file).write_text(Path(certificate_file).read_text() + pem_of(certificate(curve_public())))
    context.load_cert_chain(certificate_file, key_file)
    with pytest.raises(ssl.SSLError, match=r"(?i)alert"), closing(connect(server, "127.0.0.1", context)) as sock:
        sock.recv(1)


@by_outline
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_more_certificates_than_any_chain_has_are_refused_however_short(server: Server, good: Holder, tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Each costs as much as a handshake does."""
    certificate_file, key_file = good.write(tmp_path)
    Path(certificate_file).write_text(Path(certificate_file).read_text() + 4 * pem(self_signed().certificate))
    context = server.context()
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(certificate_file, key_file)
    with pytest.raises(ssl.SSLError, match=r"(?i)alert"), closing(connect(server, "127.0.0.40", context)) as sock:
        sock.recv(1)
    assert "too many certificates were sent" in server.log.read_text()


@in_either_way
@pytest.mark.rfc("8446", "6.2")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_longer_chain_than_any_good_one_is_refused_with_an_alert(server: Server, good: Holder, tmp_path: Path, version: ssl.TLSVersion) -> None:
    certificate_file, key_file = good.write(tmp_path)
    statuses = []
    for more in (3, 60):
        Path(certificate_file).write_text(Path(certificate_file).read_text() + more * pem(Authority.create().certificate))
        context = server.context()
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(certificate_file, key_file)
        with suppress(ssl.SSLError), closing(connect(server, "127.0.0.1", context)) as sock:
            sock.sendall(HEALTH)
            statuses.append(read_answer(sock).status)
    assert statuses == [200]
    with pytest.raises(ssl.SSLError, match=r"(?i)alert"), closing(connect(server, "127.0.0.1", context)) as sock:
        sock.recv(1)


@in_either_way
def test_so_is_one_that_comes_in_small_records(server: Server) -> None:
    with begin(server) as sock:
        sock.sendall(certificates(40, size=1000, one=self_signed().der))
        assert sock.recv(100)[:1] == bytes([ALERT])


@in_either_way
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_certificate_as_long_as_any_may_be_is_served(server: Server, authority: Authority, tmp_path: Path, version: ssl.TLSVersion) -> None:
    names = x509.SubjectAlternativeName([x509.DNSName(f"{number:040}.example.com") for number in range(145)])
    holder = issue(authority, extensions=(*CLIENT_AUTH, names))
    assert MAX_DER_LENGTH - 100 < len(holder.der) <= MAX_DER_LENGTH
    context = server.context()
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(*holder.write(tmp_path))
    with closing(connect(server, "127.0.0.1", context)) as sock:
        sock.sendall(HEALTH)
        assert read_answer(sock).status == 200


@in_either_way
def test_first_message_longer_than_any_good_one_is_refused(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as sock:
        sock.sendall(records(message(1, b"\0" * 100_000)))
        assert sock.recv(100)[:1] == bytes([ALERT])


@in_either_way
def test_connection_of_tls_1_2_ends_for_both(server: Server) -> None:
    """Otherwise OpenSSL would keep its session, with the client's certificate. What it keeps is in test_kept_sessions.py."""
    before = server.count_sockets()
    context = server.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for ends in (b"", b"Connection: close\r\n"):
        with server.connect(tls=False) as plain, context.wrap_socket(plain, server_hostname="localhost") as sock:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + ends + b"\r\n")
            assert read_answer(sock).status == 200
            if ends:
                assert sock.recv(1) == b""
            else:
                with suppress(ssl.SSLError, OSError):
                    sock.unwrap()
                assert sock.recv(1) == b""
    # An earlier connection may have been among those before.
    last = time.monotonic() + 20
    while server.count_sockets() > before:
        assert time.monotonic() < last
        time.sleep(0.1)


@pytest.mark.slow
def test_worker_ends_while_certificates_are_read(server: Server) -> None:
    """Of several addresses, one after the other, so that there is one to read however long the worker takes to stop."""
    with ExitStack() as held:
        for number in range(2, 10):
            sock = held.enter_context(begin(server, address=f"127.0.0.{number}"))
            sock.sendall(certificates(14))
        assert ask_health(server) == 200
        assert not is_answered(sock)
        before = server.log.read_text().count(ENDED)
        assert server.stop() == 0
    said = server.log.read_text()
    # Only the master runs them. In a worker, Python would make OpenSSL free memory that its thread is using.
    assert said.count(ENDED) == before + 1
    assert "was sent" not in said
    assert "Traceback" not in said
