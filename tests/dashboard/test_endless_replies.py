"""A mail server or a Redis whose reply never ends, because it is broken or somebody else answers in its place, is given up."""

import socket
from contextlib import contextmanager, suppress
from threading import Event, Thread

import pytest
from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

from dashboard.instance import cache as bounded
from dashboard.instance import environment, mail
from dashboard.people.notices import describe

# Seconds within which it must have been given up, on a busy machine.
GIVEN_UP = 20


@contextmanager
def serving(begin, then, *, pause=0.0, waits=False):
    """Yields the port of a server that sends begin, and then the same again and again, after a pause each time, and an event: its caller has gone.

    waits: for the first command.
    """
    gone = Event()

    def serve(connection):
        with connection, suppress(OSError):
            if waits:
                connection.recv(4096)
            connection.sendall(begin)
            while not gone.wait(pause):
                connection.sendall(then)
        gone.set()

    def accept():
        with suppress(OSError):
            while True:
                Thread(target=serve, args=[server.accept()[0]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1], gone
        gone.set()


@pytest.mark.parametrize(
    ("begin", "then", "pause"),
    [
        (b"", b"220-a\r\n" * 5000, 0),
        (b"220-", b"A" * 65_536, 0),
        (b"2", b"2", 0.1),
        (b"", b"220-a\r\n", 0.1),
        (b"220 mail.example\r\n", b"250-" + b"x\r\n250-" * 5000, 0),
    ],
)
@pytest.mark.apart
@pytest.mark.long
def test_a_mail_server_s_reply_ends_with_its_limit_and_later_mail_is_tried(settings, begin, then, pause):
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "dashboard.instance.mail.smtp.Backend", "127.0.0.1", 1
    with serving(begin, then, pause=pause) as (port, gone):
        settings.EMAIL_PORT = port
        for _ in range(2):
            assert mail.send_later("account_notice", ["ada@example.com"], describe("password_changed", now=timezone.now()))
        assert gone.wait(GIVEN_UP)
        mail.wait_until_sent()
        assert mail.failed_at()


@pytest.mark.parametrize(
    ("begin", "then", "pause"),
    [(b"$99999999999\r\n", b"A" * 65_536, 0), (b"+", b"A" * 65_536, 0), (b"*1000000000\r\n", b":1\r\n" * 10_000, 0), (b"+", b"A", 0.1)],
)
@pytest.mark.apart
@pytest.mark.long
def test_a_reply_of_redis_ends_with_its_limit(settings, monkeypatch, begin, then, pause):
    with serving(begin, then, pause=pause, waits=True) as (port, gone):
        monkeypatch.setenv("CACHE_URL", f"redis://127.0.0.1:{port}/0")
        settings.CACHES = {"default": environment.cache("CACHE_URL")}
        assert settings.CACHES["default"]["OPTIONS"]["pool_class"] == f"{bounded.__name__}.Pool"

        def ask():
            with pytest.raises(RedisError):
                cache.get("readyz")

        asking = Thread(target=ask, daemon=True)
        asking.start()
        assert gone.wait(GIVEN_UP)
        asking.join(GIVEN_UP)
        assert not asking.is_alive()
