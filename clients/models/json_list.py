"""A lookup for lists of strings in JSON columns: scopes__has_element="read". Django's own “contains” doesn't exist on SQLite."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import JSONField, Lookup
from django.db.models.sql.compiler import SQLCompiler


@JSONField.register_lookup
class HasElement(Lookup):
    """Whether the list holds that string."""

    lookup_name = "has_element"
    prepare_rhs = False

    def get_db_prep_lookup(self, value: Any, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:  # noqa: ARG002  # Django's signature
        return "%s", (str(value),)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, column_parameters = self.process_lhs(compiler, connection)
        value, value_parameters = self.process_rhs(compiler, connection)
        if connection.vendor == "postgresql":  # pragma: no cover  # only a real PostgreSQL: tests/dashboard/members/test_postgresql.py
            return f"{column} ? {value}", (*column_parameters, *value_parameters)
        sql = f"EXISTS (SELECT 1 FROM json_each({column}) WHERE json_each.value = {value})"  # noqa: S608  # only names of our own are put in
        return sql, (*column_parameters, *value_parameters)
