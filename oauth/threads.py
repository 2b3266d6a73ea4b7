"""The threads that answer requests. Handing a request over from the event loop and back costs a third as much as with a ThreadPoolExecutor.

A ThreadPoolExecutor does more (a future with its own lock, chained to the event loop's; counting idle threads; waiting for the threads at exit),
but this server doesn't need it: it lets its requests end before it stops, and its threads run as long as the process.

No request waits longer than patience.REQUEST: then it is given up, even if the threads are blocked. A sweep on the event loop does this, four times a second
while requests wait, so no request needs a timer. Nor does a request wait for everything that another sender sent before it: senders take turns, and once half
of the places are taken, each sender gets an equal share.
"""

import asyncio
import concurrent.futures
from collections.abc import Callable
from threading import Thread
from time import monotonic
from typing import Generic, TypeVar, cast

from oauth import patience as patience_
from oauth.fair_queue import FairQueue
from oauth.overdue import CROWDED, OVERDUE
from oauth.patience import Patience, patience
from oauth.reasons import Reason

SWEEP = 0.25

# Stands in for a thread's patience if the request was given up before a thread took it.
_NOBODY = Patience(0)

AskedT = TypeVar("AskedT")
AnswerT = TypeVar("AnswerT")


class OverdueError(Exception):
    """The request was given up. has_begun: whether a thread is working on it; if not, none ever will."""

    def __init__(self, *, has_begun: bool, reason: Reason = OVERDUE) -> None:
        super().__init__()
        self.has_begun = has_begun
        self.reason = reason


# loop: the event loop that awaits the answer; None if a thread waits for it. ends: when it is given up.
_Answering = asyncio.Future[AnswerT] | concurrent.futures.Future[AnswerT]
_Task = tuple[_Answering[AnswerT], asyncio.AbstractEventLoop | None, Callable[[AskedT], AnswerT], AskedT, float]


class Threads(Generic[AskedT, AnswerT]):
    def __init__(
        self, count: int, *, name: str, begin: Callable[[], None], most_waiting: int, may_go_on: Callable[[Patience, float], bool] | None = None
    ) -> None:
        """begin: what each thread does first. most_waiting: how many requests may wait, not counting each sender's first; any more are given up at once.

        may_go_on: whether a thread may continue with an overdue request, given its patience and the current time; if it is None, no thread may.
        """
        self._begin = begin
        self._most_waiting = most_waiting
        self._may_go_on = may_go_on
        self._tasks: FairQueue[_Task[AnswerT, AskedT]] = FairQueue()
        # Started at the first request, which comes after the fork, because threads don't survive a fork.
        self._unstarted = [Thread(target=self._work, name=f"{name}_{number}", daemon=True) for number in range(count)]
        self._loop: asyncio.AbstractEventLoop | None = None
        # The loop's unanswered requests, oldest first, each with its sender and the time at which it is given up.
        self._waiting: dict[_Answering[AnswerT], tuple[float, str]] = {}
        # The number of these for each sender.
        self._places: dict[str, int] = {}
        # The thread that works on each request, until the answer arrives. setdefault is atomic, so a thread and the sweep never both take one.
        self._takers: dict[_Answering[AnswerT], Patience] = {}
        self._is_watched = False

    def run(self, answer: Callable[[AskedT], AnswerT], asked: AskedT, *, sender: str = "") -> asyncio.Future[AnswerT]:
        """Call answer in one of the threads. To be called from the event loop that awaits the result. sender: who sent the request. Raise OverdueError, at once
        or from the future.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop or not self._waiting:
            self._watch(loop)
        if not self._has_place(sender):
            raise OverdueError(has_begun=False, reason=CROWDED)
        answering: asyncio.Future[AnswerT] = loop.create_future()
        ends = monotonic() + patience_.REQUEST
        self._waiting[answering] = (ends, sender)
        self._places[sender] = self._places.get(sender, 0) + 1
        self._tasks.put(sender, (answering, loop, answer, asked, ends))
        return answering

    def _has_place(self, sender: str) -> bool:
        taken, own = len(self._waiting), self._places.get(sender, 0)
        if not own:
            return taken < 2 * self._most_waiting
        return taken < self._most_waiting // 2 or (taken < self._most_waiting and own < self._most_waiting // (len(self._places) + 1))

    def _leave(self, answering: _Answering[AnswerT]) -> None:
        """Runs in the loop's thread."""
        found = self._waiting.pop(answering, None)
        if found is None:
            return
        sender = found[1]
        self._places[sender] -= 1
        if not self._places[sender]:
            del self._places[sender]

    def ask(self, answer: Callable[[AskedT], AnswerT], asked: AskedT) -> "concurrent.futures.Future[AnswerT]":
        """The same for a caller without an event loop, which may wait as long as it likes."""
        self._start()
        answering: concurrent.futures.Future[AnswerT] = concurrent.futures.Future()
        self._tasks.put("", (answering, None, answer, asked, monotonic() + patience_.REQUEST))
        return answering

    def _start(self) -> None:
        while self._unstarted:
            self._unstarted.pop().start()

    def _work(self) -> None:
        self._begin()
        mine = patience()
        while True:
            answering, loop, answer, asked, mine.ends = self._tasks.get()
            if self._takers.setdefault(answering, mine) is not mine or answering.done():
                del self._takers[answering]
                continue
            response = error = None
            try:
                response = answer(asked)
            except BaseException as failed:  # noqa: BLE001  # the thread lives on, and the caller gets the error
                error = failed
            if loop is None:
                self._deliver(answering, response, error)
                continue
            try:
                loop.call_soon_threadsafe(self._deliver, answering, response, error)
            except RuntimeError:
                # The loop is closed, because the server was told not to wait for its requests.
                del self._takers[answering]

    def _deliver(self, answering: _Answering[AnswerT], response: AnswerT | None, error: BaseException | None) -> None:
        self._leave(answering)
        del self._takers[answering]
        if answering.done():
            return  # the awaiting task was cancelled meanwhile, or the request was given up
        if error is None:
            answering.set_result(cast(AnswerT, response))
        else:
            answering.set_exception(error)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        self._start()
        if self._loop is not loop:
            self._loop, self._waiting, self._places, self._is_watched = loop, {}, {}, False
        if not self._is_watched:
            self._is_watched = True
            loop.call_later(SWEEP, self._sweep)

    def _sweep(self) -> None:
        """Give up what is overdue, and run again as long as anything waits."""
        now = monotonic()
        for answering, (ends, _) in list(self._waiting.items()):
            if now < ends:
                break
            if answering.done():
                self._leave(answering)
                continue
            taker = self._takers.setdefault(answering, _NOBODY)
            if taker is _NOBODY or self._may_go_on is None or not self._may_go_on(taker, now):
                self._leave(answering)
                answering.set_exception(OverdueError(has_begun=taker is not _NOBODY))
        self._is_watched = bool(self._waiting)
        if self._is_watched:
            assert self._loop is not None
            self._loop.call_later(SWEEP, self._sweep)
