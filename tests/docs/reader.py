"""The reader's .venv/bin/python. What it does with manage.py is done by a fork of a process that has loaded Django once: a page has thirty commands."""

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

from tests.servers.conftest import Server

# It says how many words follow, and is told the status and where both outputs are.
_PROGRAM = """#!/bin/bash
[ "${1:-}" = manage.py ] || exec PYTHON "$@"
exec 3<>/dev/tcp/127.0.0.1/PORT
printf '%d\\n' $# >&3
printf '%s\\0' "$PWD" "${@:2}" >&3
read -r status outputs <&3
cat "$outputs/1"
cat "$outputs/2" >&2
exit "$status"
"""


@contextmanager
def python_of(server: Server, program: Path) -> Iterator[None]:
    """Make the file program, which runs commands in the environment of server."""

    class Commands(StreamRequestHandler):
        def handle(self) -> None:
            count = int(self.rfile.readline())
            folder, *arguments = (b"".join(iter(lambda: self.rfile.read(1), b"\0")).decode() for _ in range(count))
            done = server.fork(*arguments, cwd=Path(folder))
            outputs = Path(tempfile.mkdtemp(dir=server.data_dir.parent))
            (outputs / "1").write_text(done.stdout)
            (outputs / "2").write_text(done.stderr)
            self.wfile.write(f"{done.returncode} {outputs}\n".encode())

    with ThreadingTCPServer(("127.0.0.1", 0), Commands) as commands:
        thread = threading.Thread(target=commands.serve_forever)
        thread.start()
        program.write_text(_PROGRAM.replace("PYTHON", sys.executable).replace("PORT", str(commands.server_address[1])))
        program.chmod(0o755)
        yield
        commands.shutdown()
        thread.join()
