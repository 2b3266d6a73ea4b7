"""What a page costs the database, without a clock: queries, and instructions of SQLite's virtual machine, which grow with each row that is read."""

from dataclasses import dataclass

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

# The database is asked so often to say how far it is: a call for each instruction would take longer than the page.
_INSTRUCTIONS = 50


@dataclass(frozen=True)
class Cost:
    queries: list[str]
    instructions: int


def cost_of(browser: Client, path: str, **headers: str) -> Cost:
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += _INSTRUCTIONS
        return 0

    connection.ensure_connection()
    connection.connection.set_progress_handler(count, _INSTRUCTIONS)
    try:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(path, headers=headers).status_code < 500
    finally:
        connection.connection.set_progress_handler(None, 0)
    return Cost([query["sql"] for query in captured], counted)
