"""What a request needs from the database, in one statement, read anew for each request.

Nothing is cached that a revocation could make untrue: a row read by its index costs about as much as asking whether a cache is still good. Raw SQL because
the ORM's compilation costs more than the rest of a token request; the same text runs on SQLite and PostgreSQL.
"""

import json
from datetime import UTC, datetime
from functools import lru_cache
from threading import local
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from clients.models import Client, ClientSecret, Workspace
from oauth.models import FailureCount, RevokedToken, SigningKey
from oauth.throttling import FailureKeys

_TABLES = {
    "client": Client._meta.db_table,
    "secret": ClientSecret._meta.db_table,
    "workspace": Workspace._meta.db_table,
    "signing_key": SigningKey._meta.db_table,
    "revoked_token": RevokedToken._meta.db_table,
    "failure_count": FailureCount._meta.db_table,
}

_CLIENT_COLUMNS = """c.id, c.client_id, c.workspace_id, w.slug, c.environment, c.status, c.auth_methods, c.scopes, c.audiences, c.allowed_networks,
    c.token_lifetime"""
_SECRET_COLUMNS = "s.id, s.secret_id, s.client_id, s.hash, s.digest, s.expires_at, s.revoked_at"  # noqa: S105  # names of columns
# What signs now, and until when the caller must wait: both are needed by nearly every request, and a subselect is no further round trip.
_STATE_COLUMNS = """(SELECT k.kid FROM {signing_key} k WHERE k.revoked_at IS NULL AND k.activates_at <= %s AND (k.retires_at IS NULL OR k.retires_at > %s)
        ORDER BY k.activates_at DESC, k.id DESC LIMIT 1),
    (SELECT MAX(f.window_ends) FROM {failure_count} f
        WHERE f.window_ends > %s AND ((f.key = %s AND f.failures >= %s) OR (f.key = %s AND f.failures >= %s)))"""

_BY_CLIENT_ID = f"""SELECT {_CLIENT_COLUMNS}, {_SECRET_COLUMNS}, {_STATE_COLUMNS}
    FROM (SELECT 1 AS one) AS one
    LEFT JOIN {{client}} c ON c.client_id = %s
    LEFT JOIN {{workspace}} w ON w.id = c.workspace_id
    LEFT JOIN {{secret}} s ON s.secret_id = %s""".format(**_TABLES)  # noqa: S608  # only names of our own are put in

_BY_SECRET_ID = f"""SELECT {_CLIENT_COLUMNS}, {_SECRET_COLUMNS}, {_STATE_COLUMNS}
    FROM (SELECT 1 AS one) AS one
    LEFT JOIN {{secret}} s ON s.secret_id = %s
    LEFT JOIN {{client}} c ON c.id = s.client_id
    LEFT JOIN {{workspace}} w ON w.id = c.workspace_id""".format(**_TABLES)  # noqa: S608  # only names of our own are put in

_BY_TOKEN = f"""SELECT {_CLIENT_COLUMNS}, s.id, s.revoked_at, k.id, k.revoked_at, EXISTS (SELECT 1 FROM {{revoked_token}} r WHERE r.jti = %s)
    FROM (SELECT 1 AS one) AS one
    LEFT JOIN {{client}} c ON c.client_id = %s
    LEFT JOIN {{workspace}} w ON w.id = c.workspace_id
    LEFT JOIN {{secret}} s ON s.secret_id = %s AND s.client_id = c.id
    LEFT JOIN {{signing_key}} k ON k.kid = %s""".format(**_TABLES)  # noqa: S608  # only names of our own are put in

_of_event_loop = local()


class RegisteredClient(NamedTuple):
    """A client as its row has it. pk, workspace_pk: primary keys; workspace: its slug; token_lifetime: seconds; allowed_networks: CIDR ranges."""

    pk: int
    client_id: str
    workspace_pk: int
    workspace: str
    environment: str
    is_enabled: bool
    auth_methods: tuple[str, ...]
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]
    allowed_networks: tuple[str, ...]
    token_lifetime: int

    @property
    def default_audience(self) -> str:
        return workspace_audience(self.workspace)


class RegisteredSecret(NamedTuple):
    pk: int
    secret_id: str
    client_pk: int
    hash: str
    digest: str
    expires_at: datetime | None
    revoked_at: datetime | None


class Registration(NamedTuple):
    """client, secret: None where there is none. signing_kid: of the key that signs now. blocked_until: seconds since the epoch."""

    client: RegisteredClient | None
    secret: RegisteredSecret | None
    signing_kid: str | None
    blocked_until: int | None


class TokenState(NamedTuple):
    """Whether what a token depends on is as it was. client: None where it is gone."""

    client: RegisteredClient | None
    is_credential_revoked: bool
    is_signing_key_revoked: bool
    is_token_revoked: bool


def workspace_audience(workspace: str) -> str:
    """The audience of the workspace's own resources, by default that of its tokens."""
    return f"{settings.ISSUER_URL}/w/{workspace}"


@lru_cache(maxsize=4096)
def _strings(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def _client(row: tuple[Any, ...]) -> RegisteredClient | None:
    if row[0] is None:
        return None
    return RegisteredClient(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        row[5] == Client.Status.ENABLED.value,
        _strings(row[6]),
        _strings(row[7]),
        _strings(row[8]),
        _strings(row[9]),
        row[10],
    )


def _aware(moment: datetime | None) -> datetime | None:
    """SQLite's driver returns naive UTC."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def read_on_event_loop() -> bool:
    """Let this thread go on reading by the connection that it opens here while it runs an event loop, in which Django would open one for each task.

    Returns whether it may: SQLite's readers never wait. To be called before the loop runs.
    """
    if connection.vendor != "sqlite":
        return False
    connection.ensure_connection()
    _of_event_loop.database = connections[DEFAULT_DB_ALIAS]
    return True


def _database() -> BaseDatabaseWrapper:
    return getattr(_of_event_loop, "database", None) or connections[DEFAULT_DB_ALIAS]


def _select(sql: str, parameters: tuple[Any, ...]) -> tuple[Any, ...]:
    """One row, by Django's connection, but by the driver's own cursor: what Django's does to the text each time costs as much as SQLite's answer."""
    database = _database()
    row: tuple[Any, ...]
    if database.queries_logged:
        with database.cursor() as cursor:
            cursor.execute(sql, parameters)
            row = cursor.fetchone()
    else:
        if database.connection is None:
            database.ensure_connection()
        with database.wrap_database_errors:
            row = database.connection.execute(_spell(sql, database.vendor), parameters).fetchone()
    return row


@lru_cache(maxsize=8)
def _spell(sql: str, vendor: str) -> str:
    return sql.replace("%s", "?") if vendor == "sqlite" else sql


def _find(sql: str, named: tuple[str, ...], failure_keys: FailureKeys, now: datetime) -> Registration:
    moment = _database().ops.adapt_datetimefield_value(now)
    state = (
        moment,
        moment,
        int(now.timestamp()),
        failure_keys.client_and_address,
        settings.FAILURES_PER_CLIENT,
        failure_keys.address,
        settings.FAILURES_PER_ADDRESS,
    )
    row = _select(sql, (*state, *named))
    secret = None if row[11] is None else RegisteredSecret(row[11], row[12], row[13], row[14], row[15], _aware(row[16]), _aware(row[17]))
    return Registration(_client(row), secret, row[18], row[19])


def find_registration(*, client_id: str, secret_id: str, failure_keys: FailureKeys, now: datetime) -> Registration:
    """The client with that ID and the secret with that one, whether or not the one belongs to the other."""
    return _find(_BY_CLIENT_ID, (client_id, secret_id), failure_keys, now)


def find_registration_by_secret(*, secret_id: str, failure_keys: FailureKeys, now: datetime) -> Registration:
    """The secret with that ID and the client that it belongs to."""
    return _find(_BY_SECRET_ID, (secret_id,), failure_keys, now)


def find_token_state(*, client_id: str, credential_id: str, jti: str, kid: str) -> TokenState:
    row = _select(_BY_TOKEN, (jti, client_id, credential_id, kid))
    return TokenState(
        client=_client(row),
        is_credential_revoked=row[11] is None or row[12] is not None,
        is_signing_key_revoked=row[13] is None or row[14] is not None,
        is_token_revoked=bool(row[15]),
    )
