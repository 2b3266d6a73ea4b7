"""Django's own backend, on connections that give up a server which doesn't answer."""

from types import SimpleNamespace
from typing import Any

import psycopg
from django.db.backends.postgresql import base

from dashboard.instance.postgresql.connection import connect


class DatabaseWrapper(base.DatabaseWrapper):
    # What Django calls the driver's module.
    Database: Any = SimpleNamespace(**{**vars(psycopg), "connect": connect})
