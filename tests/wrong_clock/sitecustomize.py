"""For a process under libfaketime, of which Debian 12's version fails clock_nanosleep() by a clock that it leaves as it is: Python sleeps by select()."""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep  # type: ignore[assignment]  # the same but for its name
