"""argon2id for passwords and recovery codes, in a thread that has one core and steps back there for all others: a hash has eight lanes, so it would take
every core, and a flood of passwords would have them from tokens.

What waits for its turn is bounded by dashboard.people.throttling.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import get_native_id

from django.contrib.auth.hashers import Argon2PasswordHasher

# Of nice, beyond the process's own. The eight lanes together then have a little less of their core than one other thread that wants it. They don't step back
# further, for people wait for them, and a hash takes Python's lock when it is done.
NICENESS = 10


def _step_back() -> None:
    """Linux has a niceness and a set of cores for each thread, which those that argon2 starts in it inherit. Elsewhere they stay as they are."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    with suppress(AttributeError, OSError):
        os.sched_setaffinity(get_native_id(), {_choose_core(sorted(os.sched_getaffinity(0)))})


def _choose_core(cores: list[int]) -> int:
    """Of the second half, so that another one is always free of hashing. Workers next to each other get cores next to each other.

    A thread that is only less important isn't enough: eight on each core delay whatever wakes up there by 20 ms and more.
    """
    half = cores[len(cores) // 2 :]
    return half[os.getpid() % len(half)]


# Its thread starts with the first password, which is after the fork.
_hashing = ThreadPoolExecutor(1, thread_name_prefix="hashing", initializer=_step_back)


def in_turn(function: Callable[[str], str], text: str) -> str:
    """One hash, of what isn't a password."""
    return _hashing.submit(function, text).result()


class PatientArgon2PasswordHasher(Argon2PasswordHasher):
    """Django's, one at a time in each process."""

    def encode(self, password: str, salt: str) -> str:
        return _hashing.submit(super().encode, password, salt).result()

    def verify(self, password: str, encoded: str) -> bool:
        return _hashing.submit(super().verify, password, encoded).result()
