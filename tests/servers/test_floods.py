"""The command that floods a server works: each kind of flood reaches its target. Only a longer run shows whether the figures are good."""

import re
import subprocess
import sys

import pytest

from tests.servers.nursery import ROOT

pytestmark = pytest.mark.slow

# One flood of each kind: sent at once, held open, asked one by one; with a link, a page's form and a session.
ANSWERS = {
    "chunks": {"400"},
    "slow": set(),
    "keys": {"200"},
    "passwords": {"200", "503"},
    "certificates": set(),
    "hellos": set(),
    "probes": {"200"},
    "leak files": {"200", "413", "503"},
}


def test_every_kind_of_flood_reaches_its_target() -> None:
    only = [argument for name in ANSWERS for argument in ("--only", name)]
    command = [sys.executable, "-m", "tests.performance.floods", "--smoke", *only]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name, statuses in ANSWERS.items():
        (row,) = [line for line in done.stdout.splitlines() if line.startswith(f"| {name}: ")]
        assert set(re.findall(r"\d+ × (\d{3})\b", row)) <= statuses
        assert re.search("[1-9][0-9]* connections", row)
