"""What the log says about abandoned requests: one line a second, however many there are, with the real reason."""

import asyncio
import logging
import threading

import pytest

from oauth.overdue import CROWDED, OVERDUE, OverdueLog
from oauth.threads import OverdueError, Threads


def lines(caplog):
    return [(record.getMessage(), record.request_id, record.reason) for record in caplog.records]


def test_one_line_a_second_that_says_how_many_it_stands_for(caplog):
    log = OverdueLog()
    with caplog.at_level(logging.ERROR, logger="tokenos.oauth"):
        for number in range(100):
            log.write("token", CROWDED, request_id=f"r{number}", now=1000 + number / 100)
        log.write("a page", OVERDUE, request_id="r100", now=1001)
        log.write("token", OVERDUE, request_id="r101", now=1002.5)
    assert lines(caplog) == [
        ("crowded: token.", "r0", "TokenOS refused the request at once because too many were already waiting."),
        ("overdue: a page. 99 more given up since the last line.", "r100", OVERDUE.sentence),
        ("overdue: token.", "r101", OVERDUE.sentence),
    ]


def test_what_is_refused_at_once_is_not_said_to_have_waited():
    threads = Threads(1, name="oauth", begin=list, most_waiting=1)
    may_end = threading.Event()

    async def ask():
        first = threads.run(lambda _asked: may_end.wait(10), None)
        with pytest.raises(OverdueError) as refused:
            threads.run(lambda _asked: None, None)
        may_end.set()
        await first
        return refused.value.reason

    assert asyncio.run(ask()) is CROWDED
    assert "4 seconds" not in CROWDED.sentence + OVERDUE.sentence
