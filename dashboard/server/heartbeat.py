"""Shows gunicorn's master that a worker is alive. It works in memory: gunicorn's own heartbeat uses a file, and if its disk is full, gunicorn can't start
workers and ends.
"""

import os
from typing import Any

from gunicorn.workers.workertmp import WorkerTmp


class Heartbeat(WorkerTmp):  # type: ignore[misc]  # gunicorn has no types
    """_tmp is a private name of gunicorn 27.0.1 (pinned)."""

    def __init__(self, _cfg: Any) -> None:
        self._tmp = os.fdopen(os.memfd_create("heartbeat"), "w+b", 0)
