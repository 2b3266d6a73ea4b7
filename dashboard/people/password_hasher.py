"""argon2id for passwords and recovery codes, in one thread with one core and a low priority: a hash has eight lanes, whose threads would otherwise take every
core, so that a flood of passwords would slow down token requests.

dashboard.people.throttling limits how many may wait.
"""

import base64
import hmac
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import get_native_id

from argon2 import Parameters
from argon2.exceptions import HashingError
from argon2.low_level import core, error_to_str, ffi, lib  # type: ignore[attr-defined]  # documented, but not exported
from django.contrib.auth.hashers import Argon2PasswordHasher

# Passed to nice, in addition to the process's own niceness. It isn't lower, because people wait for a hash, and it needs Python's lock when it is done.
NICENESS = 10


def _step_back() -> None:
    """On Linux, each thread has its own niceness and set of cores. On other systems, this does nothing."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    with suppress(AttributeError, OSError):
        os.sched_setaffinity(get_native_id(), {_choose_core(sorted(os.sched_getaffinity(0)))})


def _choose_core(cores: list[int]) -> int:
    """Choose a core in the second half, so that some cores are always free of hashing. Neighbouring workers get neighbouring cores.

    A lower priority alone isn't enough: a thread that wakes up waits for the rest of the other's slice.
    """
    half = cores[len(cores) // 2 :]
    return half[os.getpid() % len(half)]


# The pool's thread starts with the first password, which comes after the fork.
_hashing = ThreadPoolExecutor(1, thread_name_prefix="hashing", initializer=_step_back)


def in_turn(function: Callable[[str], str], text: str) -> str:
    """Compute one hash of something other than a password."""
    return _hashing.submit(function, text).result()


def _hash(password: str, salt: str, params: Parameters) -> bytes:
    """The same hash as argon2.low_level.hash_secret_raw, by one thread instead of one for each lane.

    Those would crowd the core, and Python's lock would be held by a thread that waits for its turn among them.
    """
    out = ffi.new("uint8_t[]", params.hash_len)
    secret, salted = password.encode(), salt.encode("latin1")
    pwd, own_salt = ffi.new("uint8_t[]", secret), ffi.new("uint8_t[]", salted)
    context = ffi.new(
        "argon2_context *",
        {
            "version": params.version,
            "out": out,
            "outlen": params.hash_len,
            "pwd": pwd,
            "pwdlen": len(secret),
            "salt": own_salt,
            "saltlen": len(salted),
            "secret": ffi.NULL,
            "secretlen": 0,
            "ad": ffi.NULL,
            "adlen": 0,
            "t_cost": params.time_cost,
            "m_cost": params.memory_cost,
            "lanes": params.parallelism,
            "threads": 1,
            "allocate_cbk": ffi.NULL,
            "free_cbk": ffi.NULL,
            "flags": lib.ARGON2_DEFAULT_FLAGS,
        },
    )
    status = core(context, params.type.value)
    if status != lib.ARGON2_OK:
        raise HashingError(error_to_str(status))
    return bytes(ffi.buffer(out))


class PatientArgon2PasswordHasher(Argon2PasswordHasher):
    """Django's hasher, one hash at a time in each process."""

    def encode(self, password: str, salt: str) -> str:
        params = self.params()
        hashed = _hashing.submit(_hash, password, salt, params).result()
        costs = f"m={params.memory_cost},t={params.time_cost},p={params.parallelism}"
        return f"{self.algorithm}$argon2id$v={params.version}${costs}${_without_padding(salt.encode())}${_without_padding(hashed)}"

    def verify(self, password: str, encoded: str) -> bool:
        kept = self.decode(encoded)
        hashed = _hashing.submit(_hash, password, kept["salt"], kept["params"]).result()
        return hmac.compare_digest(_without_padding(hashed), kept["hash"])


def _without_padding(octets: bytes) -> str:
    return base64.b64encode(octets).rstrip(b"=").decode()
