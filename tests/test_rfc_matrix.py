"""pytest --rfc prints the requirements and their tests."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.program
def test_the_matrix_names_each_section_and_its_tests():
    command = [sys.executable, "-m", "pytest", "tests/oauth/test_metadata.py", "--rfc", "--collect-only", "-q", "-p", "no:cacheprovider"]
    printed = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True).stdout
    matrix = printed.partition("requirements of RFCs")[2].splitlines()
    assert matrix.index("RFC 8414 §2") < matrix.index("RFC 8414 §3")
    assert "  tests/oauth/test_metadata.py::test_it_says_where_everything_is" in matrix
