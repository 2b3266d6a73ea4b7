"""A short part of tests.performance.faults: two nodes that share a PostgreSQL, which is killed or frozen; or one node has a wrong clock.

No acknowledged change is missing, and no revoked token and no used assertion is accepted.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.performance.faults.cases import CASES, Case
from tests.performance.faults.installations import Nodes, install_with_postgresql
from tests.performance.faults.run import run_case

pytestmark = pytest.mark.slow

SHORT = ("postgresql-killed", "postgresql-frozen", "clock-3h-ahead")


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with ExitStack() as stack:
        yield install_with_postgresql(tmp_path_factory.mktemp("faults") / "run", stack)


@pytest.mark.parametrize("case", [case for case in CASES if case.name in SHORT], ids=lambda case: case.name)
def test_what_was_acknowledged_holds(nodes: Nodes, case: Case) -> None:
    measured = run_case(case, nodes)
    assert measured.find_faults() == [], measured
    assert measured.recovery < 20, measured
