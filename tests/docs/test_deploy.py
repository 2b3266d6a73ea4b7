"""The systemd unit as far as it can be tried without systemd running; deploy/nginx.conf is run by tests/servers/test_nginx.py and test_nginx_gateway.py."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, block, read

UNIT = "deploy/tokenos.service"


def read_unit() -> list[tuple[str, str]]:
    """Assignments in order; a name may appear twice."""
    return re.findall(r"^(\w+)=(.*)$", read(UNIT), re.MULTILINE)


def test_unit_runs_the_three_commands_that_operations_names() -> None:
    started = [value.removeprefix("/opt/tokenos/") for name, value in read_unit() if name in ("ExecStartPre", "ExecStart")]
    assert started == block("docs/operations.md", "sh", "Start and stop").splitlines()


def test_unit_leaves_the_server_time_to_finish_requests() -> None:
    (graceful,) = re.findall(r"^graceful_timeout = (\d+)$", read("dashboard/gunicorn.py"), re.MULTILINE)
    assert int(dict(read_unit())["TimeoutStopSec"]) > int(graceful)


def test_unit_writes_no_memory_to_the_disk_and_leaves_some_to_the_machine() -> None:
    """OpenSSL and Python hold keys in memory. If memory runs out, the kernel ends a worker, not the whole service."""
    unit = dict(read_unit())
    assert unit["LimitCORE"] == "0"
    assert 0 < int(unit["MemoryMax"].removesuffix("%")) < 100
    assert unit["OOMPolicy"] == "continue"


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze isn't installed")
    unit = tmp_path / "tokenos.service"
    unit.write_text(read(UNIT).replace("/opt/tokenos/.venv/bin/python", sys.executable).replace("/opt/tokenos", str(ROOT)))
    done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "tokenos" in line]) == (0, [])
