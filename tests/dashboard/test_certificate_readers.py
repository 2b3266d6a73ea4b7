"""Whose client certificate is read next, and whose are no longer read. Handshakes are tested in tests/servers/test_hostile_certificates.py."""

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from dashboard.server import certificate_readers
from dashboard.server.certificate_readers import CertificateReaders, Costs

HERE, THERE, ELSEWHERE = "192.0.2.1", "192.0.2.2", "192.0.2.3"


@dataclass(eq=False)
class Read:
    """A reading that lasts until it is released, and notes its outcome. spends: seconds of CPU time."""

    network: str
    spends: float = 0.0
    began: threading.Event = field(default_factory=threading.Event)
    may_end: threading.Event = field(default_factory=threading.Event)
    went_on: asyncio.Event = field(default_factory=asyncio.Event)
    niceness: int | None = None

    def read(self) -> None:
        self.niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        self.began.set()
        ends = time.thread_time() + self.spends
        while time.thread_time() < ends:
            pass
        assert self.may_end.wait(30)

    def go_on(self) -> None:
        self.went_on.set()


def play(scene: Callable[[CertificateReaders], Awaitable[None]]) -> None:
    async def run() -> None:
        await asyncio.wait_for(scene(CertificateReaders(asyncio.get_running_loop())), 60)

    asyncio.run(run())


async def begun(reading: Read) -> None:
    assert await asyncio.to_thread(reading.began.wait, 30)


async def end(*readings: Read) -> None:
    for reading in readings:
        reading.may_end.set()
        await reading.went_on.wait()


def test_each_network_has_one_certificate_read_at_a_time_and_others_do_not_wait() -> None:
    async def scene(readers: CertificateReaders) -> None:
        first, second, other = Read(HERE), Read(HERE), Read(THERE)
        assert [readers.ask(reading) for reading in (first, second, other)] == [True] * 3
        await begun(first)
        await begun(other)
        assert not second.began.is_set()
        assert readers.is_reading
        await end(first, second, other)
        assert second.began.is_set()
        assert not readers.is_reading

    play(scene)


def test_strangers_step_back_and_do_not_keep_those_waiting_of_whom_a_certificate_is_known() -> None:
    async def scene(readers: CertificateReaders) -> None:
        strangers = [Read(f"198.51.100.{number}") for number in range(3)]
        for reading in strangers:
            assert readers.ask(reading)
        for reading in strangers[:2]:
            await begun(reading)
        readers.know(HERE)
        known = Read(HERE)
        assert readers.ask(known)
        await begun(known)
        assert not strangers[2].began.is_set()
        await end(*strangers)
        assert readers.is_reading
        await end(known)
        assert not readers.is_reading
        assert known.niceness == os.getpriority(os.PRIO_PROCESS, 0)
        assert {reading.niceness for reading in strangers} == {certificate_readers.NICENESS}

    play(scene)


def test_networks_take_turns() -> None:
    async def scene(readers: CertificateReaders) -> None:
        held = [Read("198.51.100.1"), Read("198.51.100.2")]
        waiting = [Read(HERE), Read(HERE), Read(THERE)]
        for reading in (*held, *waiting):
            assert readers.ask(reading)
        for reading in held:
            await begun(reading)
        await end(held[0])
        await begun(waiting[0])
        await end(waiting[0])
        await begun(waiting[2])
        assert not waiting[1].began.is_set()
        await end(held[1], waiting[2], waiting[1])

    play(scene)


@pytest.mark.long
def test_certificates_of_a_costly_network_are_no_longer_read_and_its_waiting_handshakes_continue_without() -> None:
    async def scene(readers: CertificateReaders) -> None:
        readers.know(HERE)
        costly, waiting, other = Read(HERE, spends=certificate_readers.MAX_BEYOND + 0.1), Read(HERE), Read(THERE)
        assert readers.ask(costly)
        assert readers.ask(waiting)
        await end(costly)
        await waiting.went_on.wait()
        assert not waiting.began.is_set()
        assert not readers.ask(Read(HERE))
        assert readers.ask(other)
        await end(other)

    play(scene)


def test_reading_of_a_peer_that_is_gone_is_left_out_unless_it_has_begun() -> None:
    async def scene(readers: CertificateReaders) -> None:
        first, gone, last = Read(HERE), Read(HERE), Read(HERE)
        for reading in (first, gone, last):
            readers.ask(reading)
        await begun(first)
        assert not readers.forget(first)
        assert readers.forget(gone)
        await end(first, last)
        assert not gone.began.is_set()

    play(scene)


def test_few_wait_and_fewer_of_one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_readers, "MAX_WAITING", 5)
    monkeypatch.setattr(certificate_readers, "MAX_OF_NETWORK", 3)

    async def scene(readers: CertificateReaders) -> None:
        waiting = [Read(HERE) for _ in range(3)] + [Read(THERE) for _ in range(2)]
        assert [readers.ask(reading) for reading in waiting[:3]] == [True] * 3
        assert not readers.ask(Read(HERE))
        assert [readers.ask(reading) for reading in waiting[3:]] == [True] * 2
        assert not readers.ask(Read(ELSEWHERE))
        for reading in waiting:
            reading.may_end.set()
        await end(*waiting)

    play(scene)


def test_ordinary_costs_never_add_up() -> None:
    costs = Costs()
    for second in range(10_000):
        costs.add(HERE, certificate_readers.ORDINARY, second / 100)
    assert costs.allows(HERE, 100.0)


def test_cost_is_forgotten_after_ten_minutes() -> None:
    costs = Costs()
    costs.add(HERE, 0.1, 0.0)
    assert costs.allows(HERE, 1.0)
    costs.add(HERE, 0.2, 2.0)
    assert not costs.allows(HERE, 599.0)
    assert costs.allows(THERE, 599.0)
    assert costs.allows(HERE, 600.0)


def test_the_costs_of_a_limited_number_of_networks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_readers, "MAX_NETWORKS", 10)
    costs = Costs()
    for number in range(11):
        costs.add(f"198.51.100.{number}", 5.0, 0.0)
    assert costs.allows("198.51.100.0", 1.0)
    assert not costs.allows("198.51.100.1", 1.0)
