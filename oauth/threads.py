"""The threads that run the endpoints, with a hand-over from the event loop and back that costs a third of a ThreadPoolExecutor's.

What that one does beyond it (a future with a lock of its own, chained to the event loop's; counting idle threads; waiting for the threads at exit)
nobody needs here: the server lets its requests end before it stops, and the threads run as long as the process.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread

from oauth.endpoint import Request, Response

Endpoint = Callable[[Request], Response]
Answering = asyncio.Future[Response]


class Threads:
    def __init__(self, count: int, *, begin: Callable[[], None]) -> None:
        """begin: what each thread does first."""
        self._begin = begin
        self._tasks: SimpleQueue[tuple[Answering, Endpoint, Request]] = SimpleQueue()
        # Started at the first request, which is after the fork: a thread doesn't survive one.
        self._unstarted = [Thread(target=self._work, name=f"oauth_{number}", daemon=True) for number in range(count)]

    def run(self, endpoint: Endpoint, request: Request) -> Answering:
        """Call endpoint in one of the threads; called from the event loop that awaits the answer."""
        while self._unstarted:
            self._unstarted.pop().start()
        answering: Answering = asyncio.get_running_loop().create_future()
        self._tasks.put((answering, endpoint, request))
        return answering

    def _work(self) -> None:
        self._begin()
        while True:
            answering, endpoint, request = self._tasks.get()
            response = error = None
            try:
                response = endpoint(request)
            except BaseException as failed:  # noqa: BLE001  # the thread lives on, and whoever awaits the answer gets the error
                error = failed
            # The loop is closed where the server was told not to wait for its requests.
            with suppress(RuntimeError):
                answering.get_loop().call_soon_threadsafe(_deliver, answering, response, error)


def _deliver(answering: Answering, response: Response | None, error: BaseException | None) -> None:
    if answering.done():
        return  # whoever awaited it was cancelled meanwhile
    if response is not None:
        answering.set_result(response)
    else:
        assert error is not None
        answering.set_exception(error)
