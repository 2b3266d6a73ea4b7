"""Leak response reads few whole logs at once. No person and no workspace can take all places, so others can still look up a leak."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.servers.conftest import Answer, Server, read_answer
from tests.servers.sessions import make_session

LONG = 4_000_000
# Django's answer to a log that was read, because it lacks the expected parts.
READ = 400
_PEOPLE = """
from clients.models import Workspace
from tests import factories
for number in range(4):
    factories.add_member(Workspace.objects.get(slug="evil"), factories.create_user(f"eve{number}@example.com"))
factories.add_member(Workspace.objects.get(slug="calm"), factories.create_user("ben@example.com"))
"""


@pytest.fixture(scope="module")
def server(one_worker: Server) -> Server:
    server = one_worker
    server.manage("create_workspace", "evil")
    server.manage("create_workspace", "calm", "--owner", "ada@example.com")
    done = server.fork("shell", "--no-imports", "-c", _PEOPLE)
    assert done.returncode == 0, done.stderr
    return server


@pytest.fixture(scope="module")
def cookie_of(server: Server) -> Callable[[str], str]:
    cookies: dict[str, str] = {}
    return lambda name: cookies.get(name) or cookies.setdefault(name, make_session(server, f"{name}@example.com"))


Send = Callable[..., Answer]
Hold = Callable[[str, str], None]


def head(cookie: str, workspace: str, *more: str) -> bytes:
    lines = [
        f"POST /w/{workspace}/leak/ HTTP/1.1",
        "Host: localhost",
        f"Cookie: {cookie}",
        "Content-Type: multipart/form-data; boundary=a-boundary",
        f"Content-Length: {LONG}",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.fixture
def send(server: Server, cookie_of: Callable[[str], str]) -> Send:
    """A function that sends a log, or only announces one, and returns the answer."""

    def ask(name: str, workspace: str, *, sent: int = LONG, accept: str = "*/*") -> Answer:
        with server.connect(timeout=10) as sock:
            sock.sendall(head(cookie_of(name), workspace, f"Accept: {accept}"))
            if sent:
                sock.sendall(b"a" * sent)
            return read_answer(sock)

    return ask


@pytest.fixture
def hold(server: Server, cookie_of: Callable[[str], str]) -> Iterator[Hold]:
    """A function that begins to send a log and never ends; it returns when the server wants it."""
    with ExitStack() as held:

        def begin(name: str, workspace: str) -> None:
            sock = held.enter_context(server.connect(timeout=10))
            sock.sendall(head(cookie_of(name), workspace, "Expect: 100-continue"))
            assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
            sock.sendall(b"a" * 60_000)

        yield begin


def test_one_person_has_one_place(send: Send, hold: Hold) -> None:
    hold("eve0", "evil")
    for _ in range(4):
        answer = send("eve0", "evil", sent=0)
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert send("ada", "calm").status == READ


def test_and_hears_that_it_is_for_now(send: Send, hold: Hold) -> None:
    hold("ada", "calm")
    said = " ".join(send("ada", "calm", sent=0, accept="text/html").body.decode().split())
    assert "Nothing was looked up" in said
    assert "Other long files are being read. Try again in a few seconds, or send only a part of yours." in said
    assert send("ben", "calm").status == READ


def test_people_of_one_workspace_have_half_of_the_places(send: Send, hold: Hold) -> None:
    hold("eve0", "evil")
    hold("eve1", "evil")
    assert [send(name, "evil", sent=0).status for name in ("eve2", "eve3")] == [503, 503]
    hold("ada", "calm")
    assert send("ben", "calm").status == READ


def test_nobody_takes_places_of_a_workspace_that_is_not_theirs(send: Send) -> None:
    assert [send(name, "calm", sent=0).status for name in ("eve0", "eve1")] == [413, 413]
    assert send("ada", "calm").status == READ
