"""For a process under libfaketime: Debian 12's version breaks clock_nanosleep(), so Python sleeps by select()."""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep  # type: ignore[assignment]  # the same but for its name
