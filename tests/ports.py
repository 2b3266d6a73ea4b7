"""Ports for test servers. Other programs can't take them between the choice and the start."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# These are below the ports that the kernel gives to outgoing connections.
_RANGE = range(20_000, 32_000)
_FOLDER = Path(tempfile.gettempdir()) / f"tokenos-test-ports-{os.getuid()}"


def free_port() -> int:
    """Return a port of 127.0.0.1 that belongs to this process until it ends, so that a server can be restarted there. It keeps a descriptor open."""
    _FOLDER.mkdir(exist_ok=True)
    for port in random.sample(_RANGE, len(_RANGE)):
        lock = os.open(_FOLDER / str(port), os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            os.close(lock)
            continue
        return port
    raise AssertionError("no port is free")
