"""Django's own backend, with connections that give up if the server doesn't answer."""

from types import SimpleNamespace
from typing import Any

import psycopg
from django.db.backends.postgresql import base

from dashboard.instance.postgresql.connection import connect


class DatabaseWrapper(base.DatabaseWrapper):
    # Django expects the driver's module by this name.
    Database: Any = SimpleNamespace(**{**vars(psycopg), "connect": connect})
