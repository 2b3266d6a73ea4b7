"""manage.py under a Python without the dependencies."""

import subprocess
import sys

from tests.commands.conftest import ROOT


def test_python_without_the_dependencies_says_in_one_line_which_one_to_take():
    # -S: without site-packages, as outside .venv.
    done = subprocess.run([sys.executable, "-S", "manage.py", "check"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "This Python lacks what TokenOS needs. Run “make setup”, then “.venv/bin/python manage.py …”.\n"
