"""Which connection makes room for a new one of the same network. What a real server does is in tests/servers/test_networks.py."""

from dataclasses import dataclass

import pytest

from dashboard.server import networks
from dashboard.server.networks import PATIENCE, Networks

HERE, THERE = "192.0.2.1", "192.0.2.2"
NOW = 100.0


@dataclass(eq=False)
class Open:
    """phase: None while a response is being made."""

    phase: str | None
    is_ended: bool = False

    @property
    def transport(self) -> "Open":
        return self

    def find_phase(self) -> str | None:
        return self.phase

    def abort(self) -> None:
        self.is_ended = True


def enter(found: Networks, phase: str | None) -> Open:
    stay = found.enter(HERE, NOW)
    assert stay is not None
    stay.connection = opened = Open(phase)
    return opened


def test_the_oldest_idle_one_is_ended_and_without_one_what_waits_for_its_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "MAX", 5)
    found = Networks(1000)
    others = [enter(found, phase) for phase in (None, "body", "write", "next", "head")]
    for ended in ([3], [3, 4], [1, 3, 4], [1, 2, 3, 4]):
        enter(found, None)
        assert [number for number, one in enumerate(others) if one.is_ended] == ended
    # None of the others waits.
    assert found.enter(HERE, NOW) is None
    assert found.enter(THERE, NOW) is not None


def test_one_that_has_just_been_made_is_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep, once a second, hasn't seen it yet."""
    monkeypatch.setattr(networks, "MAX", 2)
    found = Networks(1000)
    new, slow = enter(found, "head"), enter(found, "body")
    new.phase = None
    new.find_phase = lambda: "head"  # type: ignore[method-assign]
    enter(found, None)
    assert (new.is_ended, slow.is_ended) == (False, True)


def test_one_network_has_a_quarter_of_few() -> None:
    found = Networks(16)
    assert [found.enter(HERE, NOW) is not None for _ in range(5)] == [True] * 4 + [False]
    assert found.enter(THERE, NOW) is not None


def test_one_that_says_nothing_or_is_within_its_handshake_is_idle_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "MAX", 1)
    found, ended = Networks(1000), []
    stay = found.enter(HERE, NOW)
    assert stay is not None
    stay.end = lambda: ended.append(stay)
    assert found.enter(HERE, NOW + PATIENCE) is None
    assert found.enter(HERE, NOW + PATIENCE + 0.1) is not None
    assert ended == [stay]


def test_one_that_leaves_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "MAX", 1)
    found = Networks(1000)
    stay = found.enter(HERE, NOW)
    assert stay is not None
    assert found.enter(HERE, NOW) is None
    stay.leave()
    assert found.enter(HERE, NOW) is not None
