"""The hand-over of a request from the event loop to a thread and back."""

import asyncio
import threading
import time
from datetime import UTC, datetime

import pytest

from oauth import patience
from oauth.messages import Connection, Request, Response
from oauth.overdue import CROWDED
from oauth.threads import OverdueError, Threads

REQUEST = Request("GET", "/", "", {}, b"", Connection("127.0.0.1", True, None, "request-1"), datetime(2026, 11, 24, tzinfo=UTC), set())
OK = Response(200)


@pytest.fixture(scope="module")
def one():
    """One thread is enough, and the next request shows whether it survived."""
    return Threads(1, name="oauth", begin=list, most_waiting=4)


async def ask(threads: Threads, answer: Response = OK) -> tuple[Response, str]:
    names = []

    def endpoint(_request: Request) -> Response:
        names.append(threading.current_thread().name)
        return answer

    return await threads.run(endpoint, REQUEST), names[0]


def test_the_answer_comes_back_from_a_thread(one):
    answer = Response(204)
    assert asyncio.run(ask(one, answer)) == (answer, "oauth_0")


def test_an_error_goes_to_the_caller_and_the_thread_continues(one):
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


def test_callers_without_an_event_loop_can_ask_too(one):
    def fail(_request: Request) -> Response:
        raise LookupError

    assert one.ask(lambda _request: OK, REQUEST).result(10) is OK
    with pytest.raises(LookupError):
        one.ask(fail, REQUEST).result(10)


class TestOverdue:
    """Here a request has 0.3 s in all."""

    @pytest.fixture(autouse=True)
    def _short(self, monkeypatch):
        monkeypatch.setattr(patience, "REQUEST", 0.3)

    @pytest.fixture
    def hold(self):
        """What holds up a thread, until the test ends."""
        may_end = threading.Event()

        def hold(_request: Request) -> Response:
            may_end.wait(10)
            return OK

        yield hold
        may_end.set()

    def test_what_a_thread_hangs_at_and_what_waits_behind_it_are_given_up_at_the_same_time(self, hold):
        threads = Threads(1, name="oauth", begin=list, most_waiting=20)
        begun = []

        async def ask_all() -> list[BaseException | Response]:
            return await asyncio.gather(threads.run(hold, REQUEST), *(threads.run(begun.append, REQUEST) for _ in range(5)), return_exceptions=True)

        began = time.monotonic()
        given_up = asyncio.run(ask_all())
        assert [type(outcome) for outcome in given_up] == [OverdueError] * 6
        assert [outcome.has_begun for outcome in given_up] == [True] + [False] * 5
        assert time.monotonic() - began < 10
        assert not begun

    def test_what_was_given_up_is_not_begun_later(self):
        threads = Threads(1, name="oauth", begin=list, most_waiting=20)
        may_end, begun = threading.Event(), []

        def hold(_request: Request) -> Response:
            may_end.wait(10)
            return OK

        async def ask() -> Response:
            with pytest.raises(OverdueError):
                await asyncio.gather(threads.run(hold, REQUEST), threads.run(begun.append, REQUEST))
            await asyncio.sleep(0)
            may_end.set()
            return await threads.run(lambda _request: OK, REQUEST)

        assert asyncio.run(ask()) is OK
        assert not begun

    def test_more_than_the_most_are_given_up_at_once(self, hold):
        threads = Threads(1, name="oauth", begin=list, most_waiting=4)

        async def ask() -> None:
            waiting = [threads.run(hold, REQUEST) for _ in range(2)]
            with pytest.raises(OverdueError):
                threads.run(hold, REQUEST)
            assert not any(one.done() for one in waiting)
            await asyncio.gather(*waiting, return_exceptions=True)

        asyncio.run(ask())

    def test_a_thread_that_gets_on_may_finish_and_what_waits_behind_it_is_given_up(self):
        threads = Threads(1, name="oauth", begin=list, most_waiting=20, may_go_on=lambda its, _now: not its.waits_since)
        may_end = threading.Event()

        def get_on(_request: Request) -> Response:
            may_end.wait(10)
            return OK

        async def ask() -> Response:
            getting_on = threads.run(get_on, REQUEST)
            with pytest.raises(OverdueError):
                await threads.run(get_on, REQUEST)
            assert not getting_on.done()
            may_end.set()
            return await getting_on

        assert asyncio.run(ask()) is OK

    @pytest.mark.long
    def test_what_was_cancelled_is_forgotten(self, hold):
        threads = Threads(1, name="oauth", begin=list, most_waiting=4)

        async def ask() -> None:
            for _ in range(2):
                threads.run(hold, REQUEST).cancel()
            await asyncio.sleep(1)
            assert isinstance(threads.run(hold, REQUEST), asyncio.Future)

        asyncio.run(ask())

    def test_the_requests_of_an_event_loop_that_has_ended_are_forgotten(self, hold):
        threads = Threads(1, name="oauth", begin=list, most_waiting=1)

        async def leave() -> None:
            threads.run(hold, REQUEST)

        asyncio.run(leave())
        asyncio.run(leave())

    def test_what_a_thread_takes_while_it_is_given_up_is_not_said_to_be_left_undone(self):
        threads = Threads(1, name="oauth", begin=list, most_waiting=20)
        done = []

        class TakenLate(asyncio.Future):
            """A thread that asks whether its request is abandoned gets the answer only when it is."""

            def done(self) -> bool:
                said = super().done()
                while threading.current_thread() is not threading.main_thread() and not super().done():
                    time.sleep(0.01)
                return said

        class Loop(asyncio.SelectorEventLoop):
            def create_future(self) -> TakenLate:
                return TakenLate(loop=self)

        async def ask() -> OverdueError:
            with pytest.raises(OverdueError) as given_up:
                await threads.run(done.append, REQUEST)
            # The one thread comes to this after it.
            threads.ask(lambda _request: OK, REQUEST).result(10)
            return given_up.value

        with asyncio.Runner(loop_factory=Loop) as runner:
            given_up = runner.run(ask())
        assert given_up.has_begun == bool(done)

    def test_what_is_done_as_it_is_given_up_is_not_said_to_be_left_undone(self):
        threads = Threads(1, name="oauth", begin=list, most_waiting=20)
        may_answer = threading.Event()

        class AnsweredLate(asyncio.SelectorEventLoop):
            """A thread's result arrives only when the request is abandoned."""

            def call_soon_threadsafe(self, callback, *args, context=None):
                may_answer.wait(10)
                return super().call_soon_threadsafe(callback, *args, context=context)

        async def ask() -> OverdueError:
            with pytest.raises(OverdueError) as given_up:
                await threads.run(lambda _request: OK, REQUEST)
            may_answer.set()
            return given_up.value

        with asyncio.Runner(loop_factory=AnsweredLate) as runner:
            assert runner.run(ask()).has_begun


class TestSenders:
    """A sender of many requests waits for their own."""

    @staticmethod
    def serve(threads, *senders):
        """The senders whose requests wait together, in the order of the responses; and how often each was refused at once."""
        may_begin, answered, refused = threading.Event(), [], []

        def ask(sender):
            try:
                return threads.run(answered.append, sender, sender=sender)
            except OverdueError as error:
                refused.append((sender, error.reason))
                return None

        async def ask_all():
            held = threads.run(lambda _asked: may_begin.wait(10), None, sender="whoever holds the thread")
            waiting = [found for found in map(ask, senders) if found is not None]
            may_begin.set()
            await asyncio.gather(held, *waiting)

        asyncio.run(ask_all())
        assert {reason for _, reason in refused} <= {CROWDED}
        return answered, [sender for sender, _ in refused]

    def test_take_turns_and_each_is_served_in_the_order_that_it_came(self):
        threads = Threads(1, name="oauth", begin=list, most_waiting=100)
        assert self.serve(threads, *"aaaaaabbc")[0] == list("abcabaaaa")

    def test_have_half_of_the_places_alone_and_equal_parts_of_the_rest(self):
        threads = Threads(1, name="oauth", begin=list, most_waiting=12)
        answered, refused = self.serve(threads, *"aaaaaaaaaaaaaaaabbbbb")
        assert (answered.count("a"), answered.count("b")) == (5, 3)
        assert (refused.count("a"), refused.count("b")) == (11, 2)

    def test_a_new_sender_gets_a_place_even_if_all_are_accepted(self):
        threads = Threads(1, name="oauth", begin=list, most_waiting=4)
        answered, refused = self.serve(threads, *"aaaabbbbccccddddeeee")
        assert set(answered) == set("abcde")
        assert len(answered) + len(refused) == 20
        assert len(answered) < 8

    def test_leave_no_trace_once_they_are_answered(self):
        threads = Threads(1, name="oauth", begin=list, most_waiting=4)
        for _ in range(3):
            assert self.serve(threads, "a", "b")[1] == []
