"""Hashing a password would take every core, so it gets one, with low priority."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, make_password

from dashboard.people import password_hasher
from dashboard.settings import PASSWORD_HASHERS


@pytest.fixture(autouse=True)
def _hashers(settings):
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS


@pytest.mark.long
def test_passwords_that_come_at_once_are_hashed_with_argon2id_one_after_the_other_and_recognised():
    """Each takes 100 MB."""
    with ThreadPoolExecutor(2) as threads:
        hashed, other = threads.map(make_password, ["correct horse battery"] * 2)
    assert sum(thread.name.startswith("hashing") for thread in threading.enumerate()) == 1
    assert hashed.startswith("argon2$argon2id$v=19$m=102400,t=2,p=8$")
    assert check_password("correct horse battery", hashed)
    assert not check_password("another horse battery", other)


@pytest.mark.parametrize("password", ["correct horse battery", "pässwörd ✓" * 40, ""])
def test_one_thread_computes_what_argon2_s_own_eight_threads_compute(password):
    """Otherwise nobody could sign in with an older password, and another program couldn't read ours."""
    ours, usual = password_hasher.PatientArgon2PasswordHasher(), Argon2PasswordHasher()
    hashed = ours.encode(password, "salt" * 6)
    assert hashed == usual.encode(password, "salt" * 6)
    assert ours.verify(password, hashed)
    assert not ours.verify(f"{password}x", hashed)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a niceness and a core for each thread")
def test_it_steps_back_on_a_core_which_is_never_the_first_of_several_and_nothing_else_does():
    everything = os.sched_getaffinity(threading.get_native_id())
    make_password("correct horse battery")
    (hashing,) = [thread for thread in threading.enumerate() if thread.name.startswith("hashing")]
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert os.getpriority(os.PRIO_PROCESS, hashing.native_id) == min(own + password_hasher.NICENESS, 19) > own
    (core,) = os.sched_getaffinity(hashing.native_id)
    assert core in sorted(everything)[len(everything) // 2 :]
    assert os.sched_getaffinity(threading.get_native_id()) == everything
