"""Queries the database of a test's server."""

import sqlite3
from typing import Any

import psycopg

from tests.servers.conftest import Server


def query(server: Server, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run one statement in the database of server, from outside, and commit. Parameters are written %s. Returns its rows, if it has any."""
    url = server.environment["DATABASE_URL"]
    if url:
        with psycopg.connect(url) as database:
            cursor = database.execute(sql, parameters)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []
    database = sqlite3.connect(server.data_dir / "tokenos.sqlite3", timeout=10)
    try:
        with database:
            return database.execute(sql.replace("%s", "?"), parameters).fetchall()
    finally:
        database.close()
