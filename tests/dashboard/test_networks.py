"""Which connection makes room for a new one of the same network. What a real server does is in tests/servers/test_networks.py."""

from dataclasses import dataclass

import pytest

from dashboard.server import networks
from dashboard.server.networks import Networks

HERE, THERE = "192.0.2.1", "192.0.2.2"


@dataclass(eq=False)
class Open:
    """phase: None while an answer is made."""

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
    stay = found.enter(HERE)
    assert stay is not None
    stay.connection = opened = Open(phase)
    return opened


def test_no_request_under_way_is_ended_and_of_idle_ones_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "MOST", 5)
    found = Networks()
    others = [enter(found, phase) for phase in (None, "body", "write", "next", "head")]
    enter(found, None)
    assert [one.is_ended for one in others] == [False, False, False, True, False]
    enter(found, None)
    assert [one.is_ended for one in others] == [False, False, False, True, True]
    assert found.enter(HERE) is None
    assert found.enter(THERE) is not None


def test_one_that_is_not_open_yet_is_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "MOST", 1)
    found = Networks()
    stay = found.enter(HERE)
    assert stay is not None
    assert found.enter(HERE) is None
    stay.leave()
    assert found.enter(HERE) is not None
