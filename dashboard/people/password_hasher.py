"""argon2id for passwords, in a thread that steps back for all others: hashing takes every core, and a flood of passwords would have it from tokens.

What waits for its turn is bounded by dashboard.throttling.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import get_native_id

from django.contrib.auth.hashers import Argon2PasswordHasher

# Of nice: a third of the time of a thread that wants the same core. Not less, for people wait for it, and it takes Python's lock when it is done.
NICENESS = 5


def _step_back() -> None:
    """Linux has a niceness for each thread, which those that argon2 starts in it inherit. Elsewhere it stays as it is."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, get_native_id(), NICENESS)


# Its thread starts with the first password, which is after the fork.
_hashing = ThreadPoolExecutor(1, thread_name_prefix="hashing", initializer=_step_back)


class PatientArgon2PasswordHasher(Argon2PasswordHasher):
    """Django's, one at a time in each process."""

    def encode(self, password: str, salt: str) -> str:
        return _hashing.submit(super().encode, password, salt).result()

    def verify(self, password: str, encoded: str) -> bool:
        return _hashing.submit(super().verify, password, encoded).result()
