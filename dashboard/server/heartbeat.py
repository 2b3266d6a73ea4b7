"""By which gunicorn's master sees that a worker lives: in memory, for its own is a file in a folder that may be full, and then it starts no worker and ends."""

import os
from typing import Any

from gunicorn.workers.workertmp import WorkerTmp


class Heartbeat(WorkerTmp):  # type: ignore[misc]  # gunicorn has no types
    """_tmp is a private name of gunicorn 27.0.1 (pinned)."""

    def __init__(self, _cfg: Any) -> None:
        self._tmp = os.fdopen(os.memfd_create("heartbeat"), "w+b", 0)
