"""Threads that read clients' certificates during a handshake: OpenSSL reads the key in a certificate before it checks the certificate. With maliciously chosen
numbers that takes seconds, and an event loop would stand still.

A computing thread can't be stopped. So there are only a few, each network has one at a time, and a network that has cost more than honest certificates doesn't
get another one for some minutes. Networks that have sent a valid certificate have separate threads, so that strangers don't make them wait. The strangers'
threads have a low priority. Behind a load balancer that hides addresses, all peers are one network.
"""

import asyncio
import os
import time
from collections import OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread, get_native_id
from typing import Protocol

# For each kind: the number of threads, and of handshakes that may wait for them, in total and per network.
THREADS, MAX_WAITING, MAX_OF_NETWORK = 2, 1024, 256
# Passed to nice for strangers' threads: they get a tenth of the time of another thread on the same core. It isn't less, because a thread needs Python's lock
# when it is done.
NICENESS = 10

# Processor seconds: the limit for one certificate (ten times an honest one), and a network's limit beyond that within REMEMBERED seconds.
ORDINARY, MAX_BEYOND, REMEMBERED = 0.02, 0.2, 600.0
# The numbers of remembered networks: expensive ones and known ones.
MAX_NETWORKS = 4096


class Reading(Protocol):
    """One step of a handshake. All methods except read are called on the event loop. network: the peer's."""

    network: str

    def read(self) -> None:
        """Called in a thread. It doesn't raise."""

    def go_on(self) -> None:
        """Called after read, or instead of it if certificates of that network aren't read any longer."""


@dataclass
class Lane:
    """The readings that wait for the same threads. waiting: the network that has waited longest comes first."""

    niceness: int
    waiting: OrderedDict[str, deque[Reading]] = field(default_factory=OrderedDict)
    busy: set[str] = field(default_factory=set)
    tasks: SimpleQueue[Reading] = field(default_factory=SimpleQueue)
    threads: int = 0

    def take(self) -> Reading | None:
        """The next reading of a network that no thread is reading for."""
        for network in self.waiting:
            if network not in self.busy:
                queue = self.waiting.pop(network)
                reading = queue.popleft()
                if queue:
                    self.waiting[network] = queue
                return reading
        return None


class Costs:
    """Seconds that each network took beyond the ordinary."""

    def __init__(self) -> None:
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def add(self, network: str, seconds: float, now: float) -> None:
        """Add a reading's cost. now: seconds of a monotonic clock."""
        if seconds <= ORDINARY:
            return
        spent, began = self._find(network, now)
        self._spent[network] = (spent + seconds - ORDINARY, began)
        self._spent.move_to_end(network)
        if len(self._spent) > MAX_NETWORKS:
            self._spent.popitem(last=False)

    def allows(self, network: str, now: float) -> bool:
        return self._find(network, now)[0] <= MAX_BEYOND

    def _find(self, network: str, now: float) -> tuple[float, float]:
        spent, began = self._spent.get(network, (0.0, now))
        return (spent, began) if now - began < REMEMBERED else (0.0, now)


class CertificateReaders:
    """Call its methods only on the event loop. Its threads start with the first reading, which comes after the fork."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._strangers, self._acquaintances = Lane(NICENESS), Lane(0)
        self._known: OrderedDict[str, None] = OrderedDict()
        self._costs = Costs()

    @property
    def is_reading(self) -> bool:
        """Whether a thread is reading, which nothing can stop."""
        return bool(self._strangers.busy or self._acquaintances.busy)

    def ask(self, reading: Reading) -> bool:
        """Return whether it will be read, or at least continued."""
        network = reading.network
        lane = self._acquaintances if network in self._known else self._strangers
        of_network = len(lane.waiting.get(network, ()))
        is_full = of_network >= MAX_OF_NETWORK or sum(map(len, lane.waiting.values())) >= MAX_WAITING
        if is_full or not self.allows(network):
            return False
        lane.waiting.setdefault(network, deque()).append(reading)
        # This waits, because the caller still has to send OpenSSL's output.
        self._loop.call_soon(self._start, lane)
        return True

    def forget(self, reading: Reading) -> bool:
        """Call it when the peer is gone. Return False if a thread already has the reading, so that it will be continued."""
        for lane in (self._strangers, self._acquaintances):
            queue = lane.waiting.get(reading.network, deque())
            if reading in queue:
                queue.remove(reading)
                if not queue:
                    del lane.waiting[reading.network]
                return True
        return False

    def allows(self, network: str) -> bool:
        return self._costs.allows(network, self._loop.time())

    def know(self, network: str) -> None:
        """Call it when a trusted certificate came from that network."""
        self._known[network] = None
        self._known.move_to_end(network)
        if len(self._known) > MAX_NETWORKS:
            self._known.popitem(last=False)

    def _start(self, lane: Lane) -> None:
        while len(lane.busy) < THREADS and (reading := lane.take()):
            if not self.allows(reading.network):
                reading.go_on()
                continue
            lane.busy.add(reading.network)
            if lane.threads < len(lane.busy):
                lane.threads += 1
                Thread(target=self._work, args=(lane,), name=f"certificates_{lane.threads}", daemon=True).start()
            lane.tasks.put(reading)

    def _work(self, lane: Lane) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, get_native_id(), lane.niceness)
        while True:
            reading = lane.tasks.get()
            began = time.thread_time()
            reading.read()
            spent = time.thread_time() - began
            try:
                self._loop.call_soon_threadsafe(self._finish, lane, reading, spent)
            except RuntimeError:
                return  # the loop is closed: the worker has ended

    def _finish(self, lane: Lane, reading: Reading, spent: float) -> None:
        lane.busy.discard(reading.network)
        self._costs.add(reading.network, spent, self._loop.time())
        if not self.allows(reading.network):
            self._known.pop(reading.network, None)
        reading.go_on()
        self._start(lane)
