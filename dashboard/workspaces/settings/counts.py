"""Counts a workspace's clients by scope and by audience. Raw SQL because the ORM can't look into a JSON list on SQLite."""

from django.db import connection

from clients.models import Client, Workspace


def count_by_scope(workspace: Workspace) -> dict[str, int]:
    return _count("scopes", workspace)


def count_by_audience(workspace: Workspace) -> dict[str, int]:
    """The numbers of clients by audience, in the order of the URIs."""
    return _count("audiences", workspace)


def _count(column: str, workspace: Workspace) -> dict[str, int]:
    each = "jsonb_array_elements_text" if connection.vendor == "postgresql" else "json_each"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT e.value, COUNT(*) FROM {Client._meta.db_table} c, {each}(c.{column}) e WHERE c.workspace_id = %s GROUP BY e.value ORDER BY e.value",  # noqa: S608  # only names of our own are put in
            [workspace.pk],
        )
        return dict(cursor.fetchall())
