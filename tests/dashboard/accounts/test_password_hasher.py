"""Hashing a password would take every core, so it has one, and there steps back for everything else that the process does."""

import os
import sys
import threading

import pytest
from django.contrib.auth.hashers import check_password, make_password

from dashboard.people import password_hasher
from dashboard.settings import PASSWORD_HASHERS


@pytest.fixture(autouse=True)
def _hashers(settings):
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS


def test_a_password_is_hashed_with_argon2id_and_recognised():
    hashed = make_password("correct horse battery")
    assert hashed.startswith("argon2$argon2id$v=19$m=102400,t=2,p=8$")
    assert check_password("correct horse battery", hashed)
    assert not check_password("another horse battery", hashed)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a niceness for each thread")
def test_it_steps_back_and_nothing_else_does():
    make_password("correct horse battery")
    (hashing,) = [thread for thread in threading.enumerate() if thread.name.startswith("hashing")]
    assert os.getpriority(os.PRIO_PROCESS, hashing.native_id) == password_hasher.NICENESS
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < password_hasher.NICENESS


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a thread to a core")
def test_it_has_one_core_which_is_never_the_first_of_several_and_nothing_else_is_kept_to_it():
    everything = os.sched_getaffinity(threading.get_native_id())
    make_password("correct horse battery")
    (hashing,) = [thread for thread in threading.enumerate() if thread.name.startswith("hashing")]
    (core,) = os.sched_getaffinity(hashing.native_id)
    assert core in sorted(everything)[len(everything) // 2 :]
    assert os.sched_getaffinity(threading.get_native_id()) == everything


def test_passwords_that_come_at_once_are_hashed_one_after_the_other():
    """100 MB for each."""
    threads = [threading.Thread(target=make_password, args=["correct horse battery"]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(thread.name.startswith("hashing") for thread in threading.enumerate()) == 1
