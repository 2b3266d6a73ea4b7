"""The maximum length of a body: 64 KiB from a stranger, more from a signed-in user, and most on the page that takes whole logs. A longer one is refused."""

from collections.abc import Callable

import pytest

from tests.servers.conftest import Server
from tests.servers.sessions import make_session

PAGE = b"POST /accounts/sign-in/ HTTP/1.1\r\nHost: localhost\r\n"
FILES = b"Content-Type: multipart/form-data; boundary=a-boundary\r\n"
LOG = b"POST /w/demo/leak/ HTTP/1.1\r\nHost: localhost\r\n" + FILES
# Django's answer to a log that it has read, because it lacks the expected parts.
READ = 400
URLENCODED = LOG.replace(b"multipart/form-data; boundary=a-boundary", b"application/x-www-form-urlencoded")


@pytest.fixture(scope="module")
def cookie(server: Server) -> bytes:
    return f"Cookie: {make_session(server)}\r\n".encode()


def with_body(head: bytes, size: int) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % size + b"a" * size


def in_chunks(head: bytes, size: int) -> bytes:
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + (b"2000\r\n" + b"a" * 8192 + b"\r\n") * (size // 8192) + b"0\r\n\r\n"


@pytest.mark.parametrize("send", [with_body, in_chunks])
def test_long_body_of_a_stranger_is_refused(server: Server, send: Callable[[bytes, int], bytes]) -> None:
    """Django would answer 403, for the missing CSRF token."""
    assert server.exchange(send(PAGE, 60_000)).status == 403
    assert server.exchange(send(PAGE, 80_000)).status == 413


@pytest.mark.parametrize("send", [with_body, in_chunks])
def test_long_body_of_somebody_signed_in_is_read(server: Server, cookie: bytes, send: Callable[[bytes, int], bytes]) -> None:
    assert server.exchange(send(PAGE + FILES + cookie, 2_000_000)).status == READ
    assert server.exchange(send(PAGE + FILES + cookie, 3_000_000)).status == 413


def test_stranger_with_a_long_body_is_refused_before_it_is_sent(server: Server) -> None:
    assert server.exchange(PAGE + b"Content-Length: 80000\r\nExpect: 100-continue\r\n\r\n").status == 413


@pytest.mark.parametrize("made_up", [b"a" * 32, b"a\0b", b"a" * 4000, b"\xe9", b""])
def test_made_up_session_is_none(server: Server, made_up: bytes) -> None:
    cookie = b"Cookie: __Host-session=" + made_up.replace(b"\0", b"%00") + b"\r\n"
    assert server.exchange(with_body(PAGE + cookie, 80_000)).status == 413


@pytest.mark.parametrize(("size", "status"), [(12_000_000, READ), (17_000_000, 413)])
def test_the_page_that_takes_whole_logs_reads_longer_bodies(server: Server, cookie: bytes, size: int, status: int) -> None:
    assert server.exchange(with_body(LOG + cookie, size)).status == status


@pytest.mark.parametrize("head", [URLENCODED, PAGE + b"Content-Type: application/x-www-form-urlencoded\r\n", PAGE, PAGE + b"Content-Type: text/plain\r\n"])
@pytest.mark.parametrize("send", [with_body, in_chunks])
def test_form_that_brings_no_file_is_short(server: Server, cookie: bytes, head: bytes, send: Callable[[bytes, int], bytes]) -> None:
    """Python takes a form that is encoded as a URL is apart with eighty times its length, and lets no other thread go on meanwhile."""
    assert server.exchange(send(head + cookie, 500_000)).status == 403
    assert server.exchange(send(head + cookie, 600_000)).status == 413


@pytest.mark.parametrize("head", [URLENCODED, PAGE + b"Content-Type: application/x-www-form-urlencoded\r\n", PAGE])
@pytest.mark.parametrize("escape", [b"%", b"%41"])
def test_form_of_somebody_signed_in_has_no_more_escapes_than_one_of_a_stranger(server: Server, cookie: bytes, head: bytes, escape: bytes) -> None:
    """Each takes as long to decode as many plain octets, and lets no other thread go on meanwhile."""

    def send(number: int) -> int:
        body = b"a=" + escape * number
        return server.exchange(head + cookie + b"Content-Length: %d\r\n\r\n" % len(body) + body).status

    assert send(65_536) == 403
    assert send(65_537) == 413


def test_log_may_have_any_number_of_them_because_files_are_not_decoded(server: Server, cookie: bytes) -> None:
    assert server.exchange(LOG + cookie + b"Content-Length: 1000000\r\n\r\n" + b"%" * 1_000_000).status == READ


def test_how_a_log_is_sent_is_read_in_any_case(server: Server, cookie: bytes) -> None:
    assert server.exchange(with_body(LOG.replace(b"multipart/form-data", b"Multipart/Form-Data ") + cookie, 3_000_000)).status == READ
