"""The result of a run as text or Markdown: figures, ratios, whether the targets are met, and the facts about the machine, which a figure needs."""

import argparse
import os
import platform
import sqlite3
import ssl
from collections.abc import Callable, Sequence
from importlib.metadata import version
from statistics import median

from tests.performance.load import CONNECTIONS, Result
from tests.performance.measured import API_KEY, ASSERTION, BARE, FIRST, LATE, PROCESS, SECOND, TOKEN, TOOLKIT, UNSYNCED, Measured, large_name

# Two figures count as the same within this; the noise between rounds is about as large.
SAME = 1.10

_VERDICTS = {True: "met", False: "MISSED", None: "no target"}

Table = list[Sequence[str]]


def render(measured: Measured, options: argparse.Namespace, *, seconds: float, generator: str) -> tuple[str, bool]:
    """Return the text, and whether every answer was 200 and every target is met."""
    comparison = Comparison(measured)
    # None means no target; the figure is for readers who prefer another yardstick.
    targets: list[tuple[str, str, bool | None]] = []
    for transport in ("plain", "TLS"):
        for other, least in ((BARE, 1), (TOOLKIT, 10), (UNSYNCED, None)):
            rate = comparison.ratio((TOKEN, transport), (other, transport), _rate)
            goal = f", at least {least} ×" if least else " beside"
            targets.append((f"rate of the token request{goal} {other}, {transport}", f"{rate:.2f} ×", rate >= least if least else None))
        assertion = comparison.ratio((ASSERTION, transport), (TOKEN, transport), _rate)
        targets.append((f"rate of the token request with private_key_jwt, at least 0.6 × that with Basic, {transport}", f"{assertion:.2f} ×", assertion >= 0.6))
    for name in (TOKEN, API_KEY):
        if (large_name(name), "plain") in measured.rounds[0]:
            cpu = comparison.ratio((large_name(name), "plain"), (name, "plain"), _cpu)
            counts = f"{measured.clients['large']:,} clients instead of {measured.clients['small']:,}"
            targets.append((f"{name}: CPU with {counts}, same within {SAME - 1:.0%}", f"{cpu:.2f} ×", cpu <= SAME))
    first = median(restart[FIRST].cpu / restart[SECOND].cpu for restart in measured.restarts)
    targets.append((f"CPU of a client's first use after a restart, within {SAME - 1:.0%} of its second use", f"{first:.2f} ×", first <= SAME))
    errors = sum(result.errors for found in measured.rounds for result in found.values())
    targets.append(("answers other than 200", str(errors), errors == 0))

    layout = _markdown if options.markdown else _text
    parts = [
        layout(_case_table(comparison, BARE)),
        layout(_restart_table(measured)),
        layout([("target", "measured", ""), *((name, figure, _VERDICTS[met]) for name, figure, met in targets)]),
        _facts(options, seconds, generator),
    ]
    return "\n".join(parts), all(met is not False for _, _, met in targets)


def _rate(result: Result) -> float:
    return result.rate


def _cpu(result: Result) -> float:
    return result.cpu


class Comparison:
    def __init__(self, measured: Measured) -> None:
        self.rounds = measured.rounds

    def median(self, case: tuple[str, str], figure: Callable[[Result], float]) -> float:
        return median(figure(found[case]) for found in self.rounds)

    def ratio(self, case: tuple[str, str], other: tuple[str, str], figure: Callable[[Result], float]) -> float:
        """Median of the ratios within each round, which what else the machine did then has hit alike."""
        return median(figure(found[case]) / figure(found[other]) for found in self.rounds)


def _case_table(comparison: Comparison, bare: str) -> Table:
    table: Table = [("case", "transport", "requests/s", "p50 ms", "p99 ms", "CPU µs a request", "errors", "rate ÷ bare", "CPU ÷ bare")]
    for case in sorted(comparison.rounds[0], key=lambda case: case[1] == "TLS"):
        name, transport = case
        table.append(
            (
                name,
                transport,
                f"{comparison.median(case, _rate):,.0f}",
                f"{comparison.median(case, lambda result: result.p50):.2f}",
                f"{comparison.median(case, lambda result: result.p99):.2f}",
                f"{comparison.median(case, _cpu):,.0f}",
                str(sum(found[case].errors for found in comparison.rounds)),
                f"{comparison.ratio(case, (bare, transport), _rate):.2f}",
                f"{comparison.ratio(case, (bare, transport), _cpu):.2f}",
            )
        )
    return table


def _restart_table(measured: Measured) -> Table:
    table: Table = [("after a restart, token request", "requests", "CPU µs a request")]
    for name in (PROCESS, FIRST, SECOND, LATE):
        results = [restart[name] for restart in measured.restarts]
        table.append((name, f"{results[0].requests:,}", f"{median(result.cpu for result in results):,.0f}"))
    return table


def _facts(options: argparse.Namespace, seconds: float, generator: str) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("Django", "gunicorn", "uvloop", "django-oauth-toolkit"))
    database = "PostgreSQL" if options.database_url else f"SQLite {sqlite3.sqlite_version}"
    openssl = " ".join(ssl.OPENSSL_VERSION.split()[:2])
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f} at the end; {platform.system()} {platform.release().partition('-')[0]}, "
        f"Python {platform.python_version()}, {openssl}, {database}, {versions}.\n"
        f"{options.workers} workers for each server, {CONNECTIONS} kept-alive connections by {generator} on the same machine, {options.rounds} rounds of "
        f"{options.seconds} s for each case; medians. The whole run took {seconds:.0f} s.\n"
    )


def _text(table: Table) -> str:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [cell.ljust(width) if _is_name(table, column) else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def _markdown(table: Table) -> str:
    marks = [":--" if _is_name(table, column) else "--:" for column in range(len(table[0]))]
    rows = [table[0], marks, *table[1:]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _is_name(table: Table, column: int) -> bool:
    return column == 0 or not any(row[column].replace(",", "")[:1].isdigit() for row in table[1:])
