"""Long responses are gathered on disk, then sent in parts. Cookies are not unquoted."""

import asyncio
from importlib import import_module

import pytest
from django.http import StreamingHttpResponse


@pytest.fixture
def ask(monkeypatch):
    """A function that returns what the server sends if Django gives that response."""
    # Not before there is a folder for static files.
    asgi = import_module("dashboard.asgi")
    return lambda response, **given: _ask(asgi, monkeypatch, response, **given)


def _ask(asgi, monkeypatch, response, *, headers=(), environs=None):

    def django(environ, start_response):
        if environs is not None:
            environs.append(environ)
        start_response("200 OK", [("Content-Type", "text/csv")])
        return response

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    sent = []
    monkeypatch.setattr(import_module("dashboard.server.wsgi_call"), "application", django)
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": "/w/demo/audit.csv",
        "query_string": b"",
        "headers": list(headers),
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8443),
        "state": {"keep": lambda _: None},
    }
    asyncio.run(asgi.application(scope, receive, send))
    return sent


@pytest.mark.parametrize("lines", [0, 3, 50_000])
def test_an_answer_that_streams_comes_whole_and_with_its_length(ask, lines):
    start, *parts = ask(StreamingHttpResponse(b"a line of an export, of forty characters\n" for _ in range(lines)))
    assert b"".join(part["body"] for part in parts) == b"a line of an export, of forty characters\n" * lines
    assert (b"content-length", str(lines * 41).encode()) in start["headers"]
    assert [part.get("more_body", False) for part in parts] == [True] * (len(parts) - 1) + [False]


def test_no_part_of_a_long_one_is_large(ask):
    _, *parts = ask(StreamingHttpResponse(b"x" * 100_000 for _ in range(30)))
    assert max(len(part["body"]) for part in parts) <= 16 * 1024


def test_nothing_is_left_to_unquote_in_cookies(ask):
    """Python 3.11.7 does that in quadratic time, and anybody can send cookies."""
    environs = []
    ask(StreamingHttpResponse([]), headers=[(b"cookie", b'a="' + b"\\" * 8000 + b'"; b=c')], environs=environs)
    assert environs[0]["HTTP_COOKIE"] == 'a=""; b=c'
