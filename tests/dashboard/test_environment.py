"""What TokenOS says about a .env file; the whole start is in tests/servers/test_bootstrap.py."""

import os
from pathlib import Path

import pytest

from dashboard.instance.bootstrap import protect_environment, warn_of_mistakes
from dashboard.instance.environment import find_mistakes

NAMES = ("PORT", "TLS", "DATABASE_URL")


@pytest.fixture
def find(tmp_path):
    """What TokenOS says about a file's text, without the file's name."""

    def run(text):
        file = tmp_path / ".env"
        file.write_text(text)
        return [said.removeprefix(f"{file}, ") for said in find_mistakes(file, NAMES)]

    return run


def test_a_good_file_has_no_mistake(find):
    assert find("# PROT=1\n\nPORT=1\nexport TLS=off\nDATABASE_URL=sqlite:///x\n") == []


def test_no_file_has_no_mistake(tmp_path):
    assert find_mistakes(tmp_path / ".env", NAMES) == []
    assert protect_environment(tmp_path / ".env") is None
    assert warn_of_mistakes(tmp_path / ".env") is None


@pytest.mark.parametrize(
    ("name", "meant"), [("PROT", "PORT"), ("tls", "TLS"), ("TSL", "TLS"), ("DATABASE_URI", "DATABASE_URL"), ("DB_URL", None), ("PATH", None)]
)
def test_a_name_is_taken_for_a_slip_only_where_it_is_close_to_one_of_ours(find, name, meant):
    assert find(f"\n{name}=x\n") == ([f"line 2: TokenOS has no variable {name}. Did you mean {meant}?"] if meant else [])


def test_a_name_given_again_is_told_with_the_line_that_counts(find):
    assert find("PORT=1\nTLS=off\nexport PORT = 2\nPORT=3\n") == [
        "line 3: PORT is set twice. Line 1 counts; remove one of them.",
        "line 4: PORT is set twice. Line 1 counts; remove one of them.",
    ]


def test_a_line_that_is_no_assignment_is_refused_elsewhere(find):
    assert find("no assignment\n") == []


def test_values_are_not_repeated(find):
    assert "hidden" not in str(find("DATBASE_URL=postgres://a:hidden@b/c\nTLS=hidden\nTLS=hidden\n"))


@pytest.mark.parametrize(("mode", "said"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o666, True)])
def test_a_file_that_others_can_read_is_taken_from_them(tmp_path, mode, said):
    file = tmp_path / ".env"
    file.touch()
    file.chmod(mode)
    assert protect_environment(file) == (f"Restricted {file} to its owner: changed its mode from {mode:04o} to 0600" if said else None)
    assert file.stat().st_mode & 0o777 == (0o600 if said else mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_owner_may_be_meant_for_a_group_but_not_for_everybody(tmp_path):
    file = tmp_path / ".env"
    file.touch()
    os.chown(file, 65534, 65534)
    file.chmod(0o640)
    assert protect_environment(file) is None
    file.chmod(0o644)
    assert "its mode from 0644" in str(protect_environment(file))


def test_a_file_whose_mode_cant_be_changed_is_told(tmp_path):
    """As for a service that may only read it."""
    file = Path("/proc/self/mounts")
    assert protect_environment(file) == f"Warning: other users can read {file} and the keys in it. Its owner can change that: chmod 600 {file}"
