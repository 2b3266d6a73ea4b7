"""Proxies that a test starts in front of a server."""

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import urllib3

from tests.servers.conftest import BROKEN


def wait_until_answering(proxy: "subprocess.Popen[bytes]", log: Path, is_answering: Callable[[], bool]) -> None:
    """is_answering: asks it once, and may raise what becomes of a connection that it doesn't take."""
    last = time.monotonic() + 30
    while time.monotonic() < last:
        assert proxy.poll() is None, log.read_text()
        with suppress(*BROKEN, urllib3.exceptions.HTTPError):
            if is_answering():
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text())
