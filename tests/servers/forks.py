"""manage.py without its slow start: a process that has loaded Django runs each command in a fork of itself. Run as a program, this module is that process."""

import gc
import json
import os
import random
import runpy
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from contextlib import closing
from pathlib import Path

from tests.servers.nursery import ROOT, nursery


class Forks:
    """environment: of all commands. A thread at a time."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = dict(environment)
        self._turn = threading.Lock()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self._lines = ours.makefile("rw")
            number = theirs.fileno()
            self._process = nursery().start("tests.servers.forks", environment=environment, stdin=number, stdout=number, stderr=2)

    def run(self, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """manage.py with these arguments, as if somebody called it in cwd: its status and what it printed."""
        with self._turn:
            self._lines.write(json.dumps([str(cwd), *arguments]) + "\n")
            self._lines.flush()
            status, stdout, stderr = json.loads(self._lines.readline())
        return subprocess.CompletedProcess(arguments, status, stdout, stderr)

    def close(self) -> None:
        self._lines.close()
        self._process.wait(60)


def _run(cwd: str, *arguments: str) -> int:
    sys.argv = ["manage.py", *arguments]
    os.chdir(cwd)
    # Otherwise all forks would draw the same random numbers.
    random.seed()
    try:
        runpy.run_path(str(ROOT / "manage.py"), run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)  # noqa: T201  # as Python does
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:  # noqa: BLE001  # a command's last words are what its caller wants to read
        traceback.print_exc()
        return 1
    return 0


def _fork(arguments: list[str]) -> tuple[int, str, str]:
    with tempfile.TemporaryFile("w+b") as stdout, tempfile.TemporaryFile("w+b") as stderr:
        pid = os.fork()
        if not pid:
            os.dup2(stdout.fileno(), 1)
            os.dup2(stderr.fileno(), 2)
            status = _run(*arguments)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        stdout.seek(0)
        stderr.seek(0)
        return status, stdout.read().decode(), stderr.read().decode()


def main() -> None:
    import django
    from django.core.management import get_commands, load_command_class

    os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
    django.setup()
    for name in ("create_client", "shell"):
        load_command_class(get_commands()[name], name)
    # What each collection of a fork would search, and by that copy.
    gc.collect()
    gc.freeze()
    # A command's output must not come between.
    with closing(os.fdopen(os.dup(1), "w")) as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            answers.write(json.dumps(_fork(json.loads(line))) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
