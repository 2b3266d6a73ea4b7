"""How many connections a worker may have with the available memory."""

from pathlib import Path

import pytest

from dashboard.server.memory import FEWEST, MANY_ENDED, OF_CONNECTION, PART, PAUSE, FreedMemory, find_most_connections

GIB = 1024**3
# What version 1 says for none.
UNLIMITED = 9223372036854771712


def write(root: Path, **files: str) -> Path:
    for name, text in {"proc/meminfo": f"MemTotal:   99 kB\nMemAvailable:   {8 * GIB // 1024} kB\n", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_they_may_have_half_of_what_is_available(tmp_path: Path) -> None:
    assert PART == 2
    assert find_most_connections(1, write(tmp_path)) == 4 * GIB // OF_CONNECTION


def test_workers_share_it(tmp_path: Path) -> None:
    assert find_most_connections(4, write(tmp_path)) == GIB // OF_CONNECTION


@pytest.mark.parametrize(
    "files",
    [
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{GIB}\n"},
        {"proc/self/cgroup": "0::/system.slice/tokenos.service\n", "sys/fs/cgroup/system.slice/tokenos.service/memory.max": f"{GIB}\n"},
        {
            "proc/self/cgroup": "0::/system.slice/tokenos.service\n",
            "sys/fs/cgroup/system.slice/tokenos.service/memory.max": "max\n",
            "sys/fs/cgroup/system.slice/memory.max": f"{GIB}\n",
        },
        {"proc/self/cgroup": "4:memory:/made\n0::/\n", "sys/fs/cgroup/memory/made/memory.limit_in_bytes": f"{GIB}\n"},
        # In a container, where the path is the host's.
        {"proc/self/cgroup": "4:memory:/docker/0a1b\n3:cpu:/docker/0a1b\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GIB}\n"},
    ],
)
def test_a_limit_of_the_control_group_or_one_around_it_counts_if_it_is_lower(tmp_path: Path, files: dict[str, str]) -> None:
    assert find_most_connections(1, write(tmp_path, **files)) == GIB // 2 // OF_CONNECTION


@pytest.mark.parametrize(
    "files",
    [
        {"proc/self/cgroup": "0::/made\n", "sys/fs/cgroup/made/memory.max": "max\n"},
        {"proc/self/cgroup": "4:memory:/made\n", "sys/fs/cgroup/memory/made/memory.limit_in_bytes": f"{UNLIMITED}\n"},
    ],
)
def test_no_limit_is_none(tmp_path: Path, files: dict[str, str]) -> None:
    assert find_most_connections(1, write(tmp_path, **files)) == 4 * GIB // OF_CONNECTION


def test_some_are_served_however_little_there_is(tmp_path: Path) -> None:
    assert find_most_connections(8, write(tmp_path, **{"proc/meminfo": "MemAvailable: 1000 kB\n"})) == FEWEST


def test_a_system_that_says_nothing_sets_no_limit(tmp_path: Path) -> None:
    assert find_most_connections(1, tmp_path) is None


def test_freed_memory_is_given_back_after_many_connections_have_ended_and_not_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    freed = FreedMemory()
    monkeypatch.setattr(freed, "_trim", asked.append)
    for ended, now, times in (
        (MANY_ENDED - 1, 1.0, 0),
        (MANY_ENDED, 2.0, 1),
        (3 * MANY_ENDED, 2.0 + PAUSE - 0.1, 1),
        (3 * MANY_ENDED, 2.0 + PAUSE, 2),
        (3 * MANY_ENDED, 2.0 + 9 * PAUSE, 2),
    ):
        freed.give_back(ended, now)
        assert len(asked) == times, (ended, now)


def test_a_system_without_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    freed = FreedMemory()
    monkeypatch.setattr(freed, "_trim", None)
    freed.give_back(MANY_ENDED, 1.0)
