"""Python programs without their slow start: a process that has imported the libraries runs each in a fork of itself. As a program, this module is that process.

It imports nothing of the product and reads no setting, so that what it runs starts as from the shell, but in half the time.
"""

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The longest to import of what a server and its commands import.
LIBRARIES = [
    "allauth.decorators", "argon2", "asyncio", "cryptography.x509", "django.contrib.staticfiles.storage", "django.core.mail",
    "django.core.management", "django.db.backends.sqlite3.base", "django.db.migrations.executor", "django.forms", "django.template.loader",
    "django.urls", "django.views.generic", "fido2.server", "gunicorn.app.wsgiapp", "jwt", "prometheus_client", "qrcode", "uvloop", "whitenoise.middleware",
]  # fmt: skip


class Child:
    """What subprocess.Popen is to a child of one's own."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery
        self._ended = os.pidfd_open(pid)

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            os.close(self._ended)
            self.returncode = self._nursery.bury(self.pid)
        return self.returncode

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._ended, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._socket, theirs = socket.socketpair()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        with theirs:
            command = [sys.executable, "-m", "tests.servers.nursery", str(theirs.fileno())]
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)

    def _ask(self, question: object, files: list[int]) -> int:
        with self._turn:
            text = json.dumps(question).encode()
            socket.send_fds(self._socket, [len(text).to_bytes(4, "big")], files)
            self._socket.sendall(text)
            return int.from_bytes(self._socket.recv(4), "big", signed=True)

    def start(self, program: str, *arguments: str, environment: Mapping[str, str], stdin: int, stdout: int, stderr: int, cwd: Path = ROOT) -> Child:
        """python -m program, or python program if it is a file. stdin, stdout, stderr: file descriptors, which are the child's from then on as well."""
        return Child(self, self._ask([program, arguments, dict(environment), str(cwd)], [stdin, stdout, stderr]))

    def run(self, program: str, *arguments: str, environment: Mapping[str, str], cwd: Path, timeout: float = 60) -> subprocess.CompletedProcess[bytes]:
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            child = self.start(program, *arguments, environment=environment, stdin=0, stdout=stdout.fileno(), stderr=stderr.fileno(), cwd=cwd)
            try:
                status = child.wait(timeout)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                raise
            stdout.seek(0)
            stderr.seek(0)
            return subprocess.CompletedProcess([program, *arguments], status, stdout.read(), stderr.read())

    def bury(self, pid: int) -> int:
        """Its status, if it has ended."""
        return self._ask(pid, [])

    def close(self) -> None:
        self._socket.close()
        self._process.wait(60)


def may_be_forked(environment: Mapping[str, object]) -> bool:
    """Not if it is to be measured, or if Python would read there, as it starts, what it didn't in this process."""
    new = {name for name, value in environment.items() if os.environ.get(name) != value}
    return not any(name.startswith(("LD_", "PYTHON")) for name in new) and not any(name.startswith("COVERAGE_") for name in environment)


@cache
def nursery() -> Nursery:
    """One for each process of a test run."""
    made = Nursery()
    atexit.register(made.close)
    return made


def _serve(asked: socket.socket) -> list[str]:
    """Return in each child its program and arguments."""
    while True:
        length, files, _, _ = socket.recv_fds(asked, 4, 3)
        if not length:
            os._exit(0)
        question = json.loads(asked.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL))
        if isinstance(question, int):
            answer = os.waitstatus_to_exitcode(os.waitpid(question, 0)[1])
        else:
            answer = os.fork()
            if not answer:
                asked.close()
                signal.signal(signal.SIGINT, signal.default_int_handler)
                for number, file in enumerate(files):
                    os.dup2(file, number)
                    os.close(file)
                os.environ.clear()
                program, arguments, environment, cwd = question
                os.environ.update(environment)
                os.chdir(cwd)
                sys.path[0] = str(Path(program).parent) if program.endswith(".py") else cwd
                return [program, *arguments]
        for file in files:
            os.close(file)
        asked.sendall(answer.to_bytes(4, "big", signed=True))


if __name__ == "__main__":
    # Who breaks off the tests means them, and they end this by closing the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for library in LIBRARIES:
        import_module(library)
    # What each collection of a child would search, and by that copy.
    gc.collect()
    gc.freeze()
    sys.argv = _serve(socket.socket(fileno=int(sys.argv[1])))
    if sys.argv[0].endswith(".py"):
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
