"""Objects that all processes of a test run share: the first process that needs one makes it, and the last one to leave removes it."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

Made = dict[str, str]


def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all processes of this run, and of no other."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def _locked(folder: Path, name: str) -> Iterator[Path]:
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / f"{name}.json"


def make_once(folder: Path, name: str, make: Callable[[], Made]) -> Made:
    """What make returned to the first process that asked; it stays to the end of the run."""
    with _locked(folder, name) as kept:
        if not kept.exists():
            kept.write_text(json.dumps(make()))
        made: Made = json.loads(kept.read_text())
        return made


@contextmanager
def shared(folder: Path, name: str, *, make: Callable[[], Made], remove: Callable[[Made], None]) -> Iterator[Made]:
    """make, remove: called by different processes, so that what they are about mustn't be a child of either."""
    with _locked(folder, name) as kept:
        made, users = json.loads(kept.read_text()) if kept.exists() else (make(), 0)
        kept.write_text(json.dumps([made, users + 1]))
    try:
        yield made
    finally:
        with _locked(folder, name) as kept:
            made, users = json.loads(kept.read_text())
            if users > 1:
                kept.write_text(json.dumps([made, users - 1]))
            else:
                kept.unlink()
                remove(made)
