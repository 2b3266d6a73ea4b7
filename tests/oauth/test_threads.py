"""The hand-over of a request from the event loop to a thread and back."""

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from oauth.endpoint import Connection, Request, Response
from oauth.threads import Threads

REQUEST = Request("GET", "/", "", {}, b"", Connection("127.0.0.1", True, None, "request-1"), datetime(2026, 11, 24, tzinfo=UTC), set())
OK = Response(200)


@pytest.fixture(scope="module")
def one():
    """One thread is enough, and whether it lives on then shows at the next request."""
    return Threads(1, begin=list)


async def ask(threads: Threads, answer: Response = OK) -> tuple[Response, str]:
    names = []

    def endpoint(_request: Request) -> Response:
        names.append(threading.current_thread().name)
        return answer

    return await threads.run(endpoint, REQUEST), names[0]


def test_the_answer_comes_back_from_a_thread(one):
    answer = Response(204)
    assert asyncio.run(ask(one, answer)) == (answer, "oauth_0")


def test_an_error_goes_to_whoever_awaits_the_answer_and_the_thread_lives_on(one):
    def fail(_request: Request) -> Response:
        raise LookupError

    async def fail_then_ask() -> Response:
        with pytest.raises(LookupError):
            await one.run(fail, REQUEST)
        return (await ask(one))[0]

    assert asyncio.run(fail_then_ask()).status == 200


def test_an_answer_that_nobody_awaits_any_more_is_dropped(one):
    may_answer = threading.Event()

    def wait(_request: Request) -> Response:
        may_answer.wait(10)
        return Response(200)

    async def cancel_then_ask() -> Response:
        awaited = one.run(wait, REQUEST)
        awaited.cancel()
        may_answer.set()
        return (await ask(one))[0]

    assert asyncio.run(cancel_then_ask()).status == 200


def test_an_answer_after_the_end_of_the_event_loop_is_dropped(one):
    may_answer = threading.Event()

    def wait(_request: Request) -> Response:
        may_answer.wait(10)
        return Response(200)

    async def leave() -> None:
        one.run(wait, REQUEST)

    asyncio.run(leave())
    may_answer.set()
    assert asyncio.run(ask(one))[0].status == 200
