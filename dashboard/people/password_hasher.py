"""argon2id for passwords and recovery codes, in a thread with one core and a low priority: a hash has eight lanes and would otherwise take every core, so that
a flood of passwords would slow down token requests.

dashboard.people.throttling limits how many may wait.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import get_native_id

from django.contrib.auth.hashers import Argon2PasswordHasher

# Passed to nice, in addition to the process's own niceness. With it, the eight lanes together get slightly less of their core than one other thread. It isn't
# lower, because people wait for a hash, and it needs Python's lock when it is done.
NICENESS = 10


def _step_back() -> None:
    """On Linux, each thread has its own niceness and set of cores, and the threads that argon2 starts inherit them. On other systems, this does nothing."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    with suppress(AttributeError, OSError):
        os.sched_setaffinity(get_native_id(), {_choose_core(sorted(os.sched_getaffinity(0)))})


def _choose_core(cores: list[int]) -> int:
    """Choose a core in the second half, so that some cores are always free of hashing. Neighbouring workers get neighbouring cores.

    A lower priority alone isn't enough: eight threads on each core delay any thread that wakes up there by 20 ms or more.
    """
    half = cores[len(cores) // 2 :]
    return half[os.getpid() % len(half)]


# The pool's thread starts with the first password, which comes after the fork.
_hashing = ThreadPoolExecutor(1, thread_name_prefix="hashing", initializer=_step_back)


def in_turn(function: Callable[[str], str], text: str) -> str:
    """Compute one hash of something other than a password."""
    return _hashing.submit(function, text).result()


class PatientArgon2PasswordHasher(Argon2PasswordHasher):
    """Django's hasher, one hash at a time in each process."""

    def encode(self, password: str, salt: str) -> str:
        return _hashing.submit(super().encode, password, salt).result()

    def verify(self, password: str, encoded: str) -> bool:
        return _hashing.submit(super().verify, password, encoded).result()
