"""Inserts rows or adds to existing ones, many at once. Raw SQL because the ORM's upsert can't add. The text is the same for SQLite and PostgreSQL."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from django.db import connection, models

# The driver compiles the statement once per batch; a larger batch would only use more memory.
_BATCH = 1000

Values = tuple[Any, ...]


def add_up(
    model: type[models.Model],
    rows: Iterable[Values],
    *,
    by: Sequence[str],
    sums: Sequence[str],
    latest: Sequence[str] = (),
    of: type[models.Model] | None = None,
    copied: Mapping[str, str] | None = None,
) -> None:
    """Insert each row, or add its sums to the row with the same values in the columns by.

    rows: the values of by, sums and latest, in this order. They are sorted by the values of by, so that two processes lock them in the same order. latest:
    columns that take the new row's values if the first of them, a point in time, is later. of: the table that the first column of by refers to. If that row is
    deleted, no row is written. copied: columns copied from that row → their names there.
    """
    update = [f"{name} = {{table}}.{name} + excluded.{name}" for name in sums]
    if latest:
        is_later = f"({{table}}.{latest[0]} IS NULL OR {{table}}.{latest[0]} < excluded.{latest[0]})"
        update += [f"{name} = CASE WHEN {is_later} THEN excluded.{name} ELSE {{table}}.{name} END" for name in latest]
    conflict = f" ON CONFLICT ({', '.join(by)}) DO UPDATE SET {', '.join(update)}".format(table=_quote(model))
    _execute(model, (*by, *sums, *latest), rows, of=of, copied=copied or {}, conflict=conflict)


def insert(model: type[models.Model], rows: Iterable[Values], *, columns: Sequence[str], of: type[models.Model], copied: Mapping[str, str]) -> None:
    """Insert each row. columns: the columns of rows; the first one refers to of, as in add_up."""
    _execute(model, columns, rows, of=of, copied=copied, conflict="")


def _execute(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Values], *, of: type[models.Model] | None, copied: Mapping[str, str], conflict: str
) -> None:
    fields = [next(field for field in model._meta.concrete_fields if field.column == column) for column in columns]
    parameters = [f"%s::{field.rel_db_type(connection) if field.is_relation else field.db_type(connection)}" for field in fields]
    if connection.vendor == "sqlite":
        parameters = ["%s"] * len(fields)
    names = ", ".join((*columns, *copied))
    if of is None:
        values = f"VALUES ({', '.join(parameters)})"
    else:
        values = f"SELECT {', '.join(('id', *parameters[1:], *copied.values()))} FROM {_quote(of)} WHERE id = %s"  # noqa: S608  # only names of our own are put in
    sql = f"INSERT INTO {_quote(model)} ({names}) {values}{conflict}"
    adapters = [(index, adapt) for index, field in enumerate(fields) if (adapt := _adapter(field)) is not None]

    def adapted(row: Values) -> list[Any]:
        values = list(row)
        for index, adapt in adapters:
            values[index] = adapt(values[index])
        return values if of is None else [*values[1:], values[0]]

    ordered = map(adapted, rows)
    with connection.cursor() as cursor:
        while batch := list(islice(ordered, _BATCH)):
            cursor.executemany(sql, batch)


def _quote(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


@lru_cache(maxsize=10_000)
def adapt_moment(moment: datetime) -> Any:
    """Convert it for the driver. The result is cached, because a request's time goes into several tables."""
    return connection.ops.adapt_datetimefield_value(moment)


def _adapter(field: "models.Field[Any, Any]") -> Callable[[Any], Any] | None:
    """Converts a value for the driver; None if the driver takes the value itself. It remembers the last value, because hours and days repeat."""
    if isinstance(field, models.DateTimeField):
        return adapt_moment
    if isinstance(field, models.DateField):
        return cache(connection.ops.adapt_datefield_value)
    return connection.ops.adapt_ipaddressfield_value if isinstance(field, models.GenericIPAddressField) else None
