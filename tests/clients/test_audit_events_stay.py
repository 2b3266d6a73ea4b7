"""The audit log is append-only: the database itself refuses to change an event or to remove one before its retention ends, whatever asks for it."""

import json

from tests.commands.conftest import Shell

UNCHANGED = "An audit event can't be changed."
KEPT = "An audit event can't be removed before its retention ends."
PROGRAM = "tests.clients.tampering"

EXPECTED = {
    "who": UNCHANGED,
    "what": UNCHANGED,
    "when": UNCHANGED,
    "from where": UNCHANGED,
    "before": UNCHANGED,
    "whose": UNCHANGED,
    "whose, as if it were removed": UNCHANGED,
    "removal": KEPT,
    "nothing has changed": True,
    "past its retention": 1,
    "removed": ["demo"],
    "named by slug": True,
    "of others": True,
    "once named by slug": UNCHANGED,
}


def test_sqlite_refuses_what_only_an_intruder_would_do(tmp_path):
    shell = Shell(tmp_path)
    assert shell("migrate", "-v0").returncode == 0
    outcome = shell("shell", "-v0", "-c", f"import {PROGRAM}")
    assert json.loads(outcome.stdout) == EXPECTED, outcome.stderr.decode()


def test_postgresql_refuses_it_too_and_to_empty_the_table(run_on_postgresql):
    assert run_on_postgresql(PROGRAM) == EXPECTED | {"emptying": KEPT}
