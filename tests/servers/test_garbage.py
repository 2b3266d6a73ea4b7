"""The garbage collector skips the objects that a worker has loaded: otherwise it would sometimes delay a request."""

import time
from collections.abc import Callable
from pathlib import Path

from tests.servers.conftest import Server

TELLING = """
import gc
from pathlib import Path
from dashboard import gunicorn
from dashboard.gunicorn import *

def post_worker_init(worker):
    gunicorn.post_worker_init(worker)
    Path({file!r}).write_text(str(gc.get_freeze_count()))
"""


def test_what_a_worker_loaded_is_not_looked_through_again(make_server: Callable[..., Server], tmp_path: Path) -> None:
    server = make_server(start=False)
    told, configuration = tmp_path / "told", tmp_path / "telling.py"
    configuration.write_text(TELLING.format(file=str(told)))
    server.start(configuration=str(configuration))
    last = time.monotonic() + 30
    while not told.exists() or not told.read_text():
        assert time.monotonic() < last
        time.sleep(0.05)
    assert int(told.read_text()) > 100_000
