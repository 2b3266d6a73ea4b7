"""The audit log is append-only: the database itself refuses to change an event or to remove one before its retention ends, whatever asks for it."""

import json
import shutil

import pytest

from tests.commands.conftest import Shell

UNCHANGED = "An audit event can't be changed."
KEPT = "An audit event can't be removed before its retention ends."
REMOVED = "A workspace that is being removed can't be kept."
SAME = "A workspace's slug and age can't be changed."
BACK = "A workspace that is removed can't come back."
TAKEN = "A workspace can't be made under a name or number that audit events have."
REPLACED = "A row can't be put in the place of another."
PROGRAM = "tests.clients.tampering"

EXPECTED = {
    "who": UNCHANGED,
    "what": UNCHANGED,
    "when": UNCHANGED,
    "from where": UNCHANGED,
    "before": UNCHANGED,
    "whose": UNCHANGED,
    "whose, as if it were removed": UNCHANGED,
    "whose, by a deletion that is taken back": UNCHANGED,
    "whose, by a removal that is taken back": REMOVED,
    "whose, by another name": SAME,
    "whose, by another age": SAME,
    "whose, by a table that hides the workspaces": UNCHANGED,
    "whose, by a workspace that is made again under the same name": TAKEN,
    "whose, by one that is made again and gives its events to a third": TAKEN,
    "removal": KEPT,
    "nothing has changed": True,
    "past its retention": 1,
    "removed": ["demo"],
    "named by slug": True,
    "of others": True,
    "once named by slug": UNCHANGED,
}


@pytest.mark.program
def test_sqlite_refuses_what_only_an_intruder_would_do(whole_tables, tmp_path):
    shutil.copy(whole_tables, tmp_path / "tokenos.sqlite3")
    outcome = Shell(tmp_path)("shell", "-v0", "-c", f"import {PROGRAM}")
    replaced = {"who, by a row in its place": REPLACED, "whose, by a workspace in its place": REPLACED}
    assert json.loads(outcome.stdout) == EXPECTED | replaced, outcome.stderr.decode()


def test_postgresql_refuses_it_too_and_to_empty_the_table(run_on_postgresql):
    assert run_on_postgresql(PROGRAM) == EXPECTED | {
        "emptying": KEPT,
        "who, by an operator for events": UNCHANGED,
        "whose, by an operator for names": UNCHANGED,
        "whose, by a removal after which it is there again": BACK,
        "whose, by one after which it is there again, but hidden": BACK,
        "functions that go by the caller's search_path": [],
    }
