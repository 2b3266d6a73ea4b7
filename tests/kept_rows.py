"""Rows that nearly every test begins with are made once and then inserted as they were: services that check and record them cost a quarter of the suite."""

import itertools
import pickle
import time

from django.db import connection

# Seconds after which they are made anew, for tests say what happened just now.
_FRESH = 10
_WRITES = ("INSERT", "UPDATE", "DELETE")
_kept = {}


def kept(make):
    """What make() returns, as it was returned when the database was in the same state. For a function that only writes to the database."""
    if connection.vendor != "sqlite" or not connection.in_atomic_block:
        return make()
    database = connection.connection
    # Each insert moves a table's sequence, and what is rolled back moves it back. Who came first has the first key.
    state = (make.__code__, *database.execute("SELECT name, seq FROM sqlite_sequence UNION ALL SELECT email, id FROM dashboard_user ORDER BY 1"))
    made_at, statements, pickled = _kept.get(state, (0, (), b""))
    if time.monotonic() - made_at < _FRESH:
        for statement in statements:
            database.execute(statement)
        return pickle.loads(pickled)
    statements = []
    database.set_trace_callback(statements.append)
    try:
        made = make()
    finally:
        database.set_trace_callback(None)
    # One that sets off a trigger is said twice.
    writes = [statement for statement, _ in itertools.groupby(statements) if statement.startswith(_WRITES)]
    _kept[state] = time.monotonic(), writes, pickle.dumps(made)
    return made
