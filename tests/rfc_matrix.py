"""pytest --rfc lists the tests for each requirement of an RFC, by the marker rfc(number, section). With --collect-only, no test is run."""

from collections import defaultdict

import pytest

_ITEMS = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption("--rfc", action="store_true", help="print which tests show which requirement of an RFC")


def pytest_collection_modifyitems(config, items):
    config.stash[_ITEMS] = items


def pytest_terminal_summary(terminalreporter, config):
    if not config.getoption("--rfc"):
        return
    failed = {report.nodeid for outcome in ("failed", "error") for report in terminalreporter.stats.get(outcome, [])}
    matrix = defaultdict(lambda: defaultdict(list))
    for item in config.stash.get(_ITEMS, []):
        for marker in item.iter_markers("rfc"):
            number, section = marker.args
            matrix[int(number), _sortable(section)][item.nodeid.partition("[")[0]].append(item.nodeid in failed)
    terminalreporter.section("requirements of RFCs and the tests that show them")
    for (number, section), tests in sorted(matrix.items()):
        terminalreporter.line(f"RFC {number} §{'.'.join(map(str, section))}")
        for test, cases in tests.items():
            terminalreporter.line(f"  {'FAILED ' if any(cases) else ''}{test}", red=any(cases))


def _sortable(section):
    return tuple(int(part) for part in section.split("."))
