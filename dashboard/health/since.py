"""Remembers since when each part of the instance has been in its state, for all workers of this machine. It is a file, because database and cache may be
unavailable.

If the last look was long ago, the state in between isn't known, so the time starts again.
"""

import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

_KEPT = timedelta(hours=1)
# This process's own record, if the file can't be written.
_memory: dict[str, tuple[str, datetime]] = {}
_looked_at: datetime | None = None


def remember(states: Mapping[str, str], *, now: datetime) -> dict[str, datetime]:
    """states: by part. Returns since when each part has been seen in its state."""
    global _memory, _looked_at
    known = _read(now) or (_memory if _looked_at is not None and now - _looked_at <= _KEPT else {})
    _memory = {part: known[part] if part in known and known[part][0] == state else (state, now) for part, state in states.items()}
    _looked_at = now
    _write(now)
    return {part: since for part, (_, since) in _memory.items()}


def _path() -> Path:
    return Path(settings.DATA_DIR) / "health.json"


def _read(now: datetime) -> dict[str, tuple[str, datetime]]:
    """The file's content; empty if the file doesn't exist, can't be read, or is old."""
    try:
        content = json.loads(_path().read_text())
        looked_at = datetime.fromisoformat(content["looked_at"])
        known = {part: (str(state), datetime.fromisoformat(since)) for part, (state, since) in content["states"].items()}
        return known if now - looked_at <= _KEPT else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write(now: datetime) -> None:
    """Write the whole file at once, so that no worker reads half of it."""
    path = _path()
    unfinished = path.with_suffix(f".{os.getpid()}")
    content = {"looked_at": now.isoformat(), "states": {part: (state, since.isoformat()) for part, (state, since) in _memory.items()}}
    try:
        unfinished.write_text(json.dumps(content))
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
