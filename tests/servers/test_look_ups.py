"""A person who has used up their look-ups is refused before their log file is read."""

from contextlib import ExitStack

import pytest

from tests.servers.conftest import Answer, Server, read_answer
from tests.servers.sessions import make_session

LEAK = "/w/demo/leak/"
_USE_UP = """
import time
from dashboard.models import User
from dashboard.people.quotas import MAX_LOOK_UPS
from oauth.models import FailureCount
key = f"leak {User.objects.earliest('pk').pk}"
FailureCount.objects.update_or_create(key=key, defaults={"failures": MAX_LOOK_UPS - LEFT, "window_ends": int(time.time()) + 200})
"""


@pytest.fixture(scope="module")
def server(one_worker: Server) -> Server:
    return one_worker


@pytest.fixture(scope="module")
def cookie(server: Server) -> str:
    return make_session(server)


def use_up(server: Server, left: int) -> None:
    done = server.fork("shell", "--no-imports", "-c", _USE_UP.replace("LEFT", str(left)))
    assert done.returncode == 0, done.stderr


def send(server: Server, cookie: str, path: str, size: int, sent: int, kind: str = "text/html") -> Answer:
    """size: of the body, of which so much is sent. It has no parts, so whatever comes to be looked at is answered with 400."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Cookie: {cookie}",
        f"Accept: {kind}",
        "Content-Type: multipart/form-data; boundary=a-boundary",
        f"Content-Length: {size}",
    ]
    with ExitStack() as held:
        sock = held.enter_context(server.connect())
        sock.settimeout(10)
        sock.sendall("\r\n".join([*lines, "", ""]).encode() + b"a" * sent)
        return read_answer(sock)


@pytest.mark.parametrize(("size", "sent"), [(10_000_000, 0), (10_000_000, 60_000), (100_000, 0)])
def test_a_file_is_refused_before_it_is_sent(server: Server, cookie: str, size: int, sent: int) -> None:
    use_up(server, left=0)
    answer = send(server, cookie, LEAK, size, sent)
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 200
    assert answer.headers["connection"] == "close"
    assert "Too many attempts." in answer.body.decode()
    assert f'href="{LEAK}"' in answer.body.decode()
    assert send(server, cookie, LEAK, size, sent, kind="*/*").json()["error"] == "temporarily_unavailable"


def test_the_last_one_that_is_left_is_read(server: Server, cookie: str) -> None:
    use_up(server, left=1)
    assert send(server, cookie, LEAK, 4_000_000, 4_000_000).status == 400


def test_other_pages_go_on(server: Server, cookie: str) -> None:
    use_up(server, left=0)
    assert send(server, cookie, "/w/demo/clients/new/", 1_000_000, 1_000_000).status == 400


def test_a_short_text_is_left_to_the_page(server: Server, cookie: str) -> None:
    use_up(server, left=0)
    assert send(server, cookie, LEAK, 7, 7).status == 403  # no CSRF token


def test_a_stranger_hears_that_it_is_too_long(server: Server) -> None:
    use_up(server, left=0)
    assert send(server, "a=b", LEAK, 10_000_000, 0).status == 413
