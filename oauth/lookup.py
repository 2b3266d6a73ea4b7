"""Reads all that a request needs from the database, in one statement, for each request.

Values that a revocation could change aren't cached: reading a row by its index costs about as much as asking whether a cache is still valid. It is raw SQL,
because the ORM's compilation costs more than the rest of a token request. The same text runs on SQLite and PostgreSQL.
"""

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.conf import settings

from clients.audience import find_refused
from clients.models import Client, ClientCertificate, ClientPublicKey, ClientSecret, Workspace
from clients.public_key import RSA_ALGORITHMS
from oauth import unwritten_failures
from oauth.database import own_database
from oauth.models import PUBLISHED_AFTER_RETIREMENT, FailureCount, RevokedToken, SigningKey
from oauth.registration import CredentialT, RegisteredCertificate, RegisteredClient, RegisteredKey, RegisteredSecret, Registration, TokenState
from oauth.throttling import FailureKeys

_TABLES = {
    "client": Client._meta.db_table,
    "secret": ClientSecret._meta.db_table,
    "public_key": ClientPublicKey._meta.db_table,
    "certificate": ClientCertificate._meta.db_table,
    "workspace": Workspace._meta.db_table,
    "signing_key": SigningKey._meta.db_table,
    "revoked_token": RevokedToken._meta.db_table,
    "failure_count": FailureCount._meta.db_table,
}

_CLIENT_COLUMNS = """c.id, c.client_id, c.workspace_id, w.slug, c.environment, c.status, c.auth_methods, c.scopes, c.audiences, c.allowed_networks,
    c.token_lifetime, c.require_dpop, c.require_certificate, c.jwks_uri, c.tls_subject_type, c.tls_subject,
    w.allowed_auth_methods, w.max_token_lifetime, w.deletes_at, c.withheld_audiences"""
_CREDENTIAL = 20  # the position after those
# The current signing key, and the time until which the caller must wait. Nearly every request needs both, and a subselect saves a round trip.
_STATE_COLUMNS = """(SELECT k.kid FROM {signing_key} k WHERE k.revoked_at IS NULL AND k.activates_at <= %s AND (k.retires_at IS NULL OR k.retires_at > %s)
        ORDER BY k.activates_at DESC, k.id DESC LIMIT 1),
    (SELECT MAX(f.window_ends) FROM {failure_count} f
        WHERE f.window_ends > %s AND ((f.key = %s AND f.failures >= %s) OR (f.key = %s AND f.failures >= %s)))"""

_SECRET_COLUMNS = "s.id, s.secret_id, s.client_id, s.expires_at, s.revoked_at, s.hash, s.digest"  # noqa: S105  # names of columns
_KEY_COLUMNS = "s.id, s.kid, s.client_id, s.expires_at, s.revoked_at, s.algorithm, s.public_jwk"
_CERTIFICATE_COLUMNS = "s.id, s.thumbprint, s.client_id, s.expires_at, s.revoked_at, s.valid_from"


def _by_client(columns: str, join: str) -> str:
    return f"""SELECT {_CLIENT_COLUMNS}, {columns}, {_STATE_COLUMNS}
    FROM (SELECT 1 AS one) AS one
    LEFT JOIN {{client}} c ON c.client_id = %s
    LEFT JOIN {{workspace}} w ON w.id = c.workspace_id
    LEFT JOIN {join}""".format(**_TABLES)  # noqa: S608  # only names of our own are put in


_BY_SECRET = _by_client(_SECRET_COLUMNS, "{secret} s ON s.secret_id = %s")
_BY_KEY = _by_client(_KEY_COLUMNS, "{public_key} s ON s.client_id = c.id AND s.kid = %s")
_USABLE_KEYS = f"""SELECT {_KEY_COLUMNS} FROM {{public_key}} s
    WHERE s.client_id = %s AND s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > %s) AND s.algorithm IN (%s, %s)
    ORDER BY s.id DESC LIMIT %s""".format(**_TABLES)  # noqa: S608  # only names of our own are put in
_ENDED_KEYS = """SELECT thumbprint FROM {public_key}
    WHERE client_id = %s AND (revoked_at IS NOT NULL OR expires_at <= %s)""".format(**_TABLES)  # noqa: S608  # only names of our own are put in
_REVOKED_CERTIFICATES = """SELECT COUNT(*) FROM {certificate}
    WHERE client_id = %s AND thumbprint = %s AND revoked_at IS NOT NULL""".format(**_TABLES)  # noqa: S608  # only names of our own are put in
_BY_CERTIFICATE = _by_client(_CERTIFICATE_COLUMNS, "{certificate} s ON s.client_id = c.id AND s.thumbprint = %s")
_BY_SECRET_ALONE = f"""SELECT {_CLIENT_COLUMNS}, {_SECRET_COLUMNS}, {_STATE_COLUMNS}
    FROM (SELECT 1 AS one) AS one
    LEFT JOIN {{secret}} s ON s.secret_id = %s
    LEFT JOIN {{client}} c ON c.id = s.client_id
    LEFT JOIN {{workspace}} w ON w.id = c.workspace_id""".format(**_TABLES)  # noqa: S608  # only names of our own are put in

_PUBLISHED_KIDS = """SELECT kid FROM {signing_key} WHERE revoked_at IS NULL AND (retires_at IS NULL OR retires_at > %s)
    ORDER BY activates_at DESC, id DESC""".format(**_TABLES)  # noqa: S608  # only names of our own are put in


def _by_token(columns: str, join: str) -> str:
    return f"""SELECT {_CLIENT_COLUMNS}, {columns}, k.id, k.revoked_at, k.retires_at, EXISTS (SELECT 1 FROM {{revoked_token}} r WHERE r.jti = %s)
    FROM (SELECT 1 AS one) AS one
    LEFT JOIN {{client}} c ON c.client_id = %s
    LEFT JOIN {{workspace}} w ON w.id = c.workspace_id
    {join}
    LEFT JOIN {{signing_key}} k ON k.kid = %s""".format(**_TABLES)  # noqa: S608  # only names of our own are put in


# The statements by the prefix of a token's credential_id, which names the credential that obtained it. A secret has no prefix; any other kind has its name and
# a colon.
_BY_TOKEN = {
    "": _by_token("s.id, s.revoked_at", "LEFT JOIN {secret} s ON s.secret_id = %s AND s.client_id = c.id"),
    "key": _by_token("s.id, s.revoked_at", "LEFT JOIN {public_key} s ON s.kid = %s AND s.client_id = c.id"),
    "certificate": _by_token("s.id, s.revoked_at", "LEFT JOIN {certificate} s ON s.thumbprint = %s AND s.client_id = c.id"),
}
# These two kinds are fields of the client. If a published key is also registered, revoking the registered key revokes both.
_BY_TOKEN_OF_SUBJECT = _by_token("c.id, NULL", "")
_BY_TOKEN_OF_PUBLISHED = _by_token("c.id, s.revoked_at", "LEFT JOIN {public_key} s ON s.thumbprint = %s AND s.client_id = c.id")


@lru_cache(maxsize=4096)
def _strings(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


@lru_cache(maxsize=1024)
def _divide(methods: str, allowed: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A client's methods: those that its workspace allows, and the others. Both JSON; an empty list allows all."""
    own, allowed_methods = _strings(methods), _strings(allowed)
    permitted = tuple(method for method in own if not allowed_methods or method in allowed_methods)
    return permitted, tuple(method for method in own if method not in permitted)


@lru_cache(maxsize=4096)
def _divide_audiences(audiences: str, withheld: str, workspace: str, issuer: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A client's audiences: those that its tokens may be for, and the others. audiences, withheld: JSON."""
    own = _strings(audiences)
    refused = find_refused(own, _strings(withheld), workspace=workspace, issuer=issuer)
    return tuple(uri for uri in own if uri not in refused), refused


def _client(row: tuple[Any, ...]) -> RegisteredClient | None:
    if row[0] is None:
        return None
    auth_methods, forbidden = _divide(row[6], row[16])
    audiences, withheld = _divide_audiences(row[8], row[19], row[3], settings.ISSUER_URL)
    is_workspace_deleted = row[18] is not None
    return RegisteredClient(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        row[5] == Client.Status.ENABLED.value and not is_workspace_deleted,
        auth_methods,
        _strings(row[7]),
        audiences,
        withheld,
        _strings(row[9]),
        row[10] if row[17] is None else min(row[10], row[17]),
        bool(row[11]),
        bool(row[12]),
        row[13],
        row[14],
        row[15],
        forbidden,
        is_workspace_deleted,
    )


def _aware(moment: datetime | None) -> datetime | None:
    """SQLite's driver returns naive UTC."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _select(sql: str, parameters: tuple[Any, ...]) -> tuple[Any, ...]:
    """The only row."""
    return _select_all(sql, parameters)[0]


def _select_all(sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The rows, read over Django's connection but with the driver's own cursor: Django's cursor spends as much time on the text as SQLite on the answer."""
    database = own_database()
    rows: list[tuple[Any, ...]]
    if database.queries_logged:
        with database.cursor() as cursor:
            cursor.execute(sql, parameters)
            rows = cursor.fetchall()
    else:
        if database.connection is None:
            database.ensure_connection()
        with database.wrap_database_errors:
            rows = database.connection.execute(_spell(sql, database.vendor), parameters).fetchall()
    return rows


@lru_cache(maxsize=16)
def _spell(sql: str, vendor: str) -> str:
    return sql.replace("%s", "?") if vendor == "sqlite" else sql


def _find(kind: type[CredentialT], sql: str, named: tuple[str, ...], failure_keys: FailureKeys, now: datetime) -> Registration[CredentialT]:
    moment = own_database().ops.adapt_datetimefield_value(now)
    state: tuple[Any, ...] = (
        moment,
        moment,
        int(now.timestamp()),
        failure_keys.client_and_address,
        settings.FAILURES_PER_CLIENT,
        failure_keys.address,
        settings.FAILURES_PER_ADDRESS,
    )
    row = _select(sql, (*state, *named))
    found = list(row[_CREDENTIAL:-2])
    found[3:5] = _aware(found[3]), _aware(found[4])
    blocked_until = row[-1] or unwritten_failures.blocked_until(failure_keys, now=now)
    return Registration(_client(row), kind(*found) if found[0] is not None else None, row[-2], blocked_until)


def find_by_secret(*, client_id: str, secret_id: str, failure_keys: FailureKeys, now: datetime) -> Registration[RegisteredSecret]:
    """The client with that ID and the secret with that ID, whether or not they belong together."""
    return _find(RegisteredSecret, _BY_SECRET, (client_id, secret_id), failure_keys, now)


def find_by_secret_alone(*, secret_id: str, failure_keys: FailureKeys, now: datetime) -> Registration[RegisteredSecret]:
    """The secret with that ID and the client that it belongs to."""
    return _find(RegisteredSecret, _BY_SECRET_ALONE, (secret_id,), failure_keys, now)


def find_by_key(*, client_id: str, kid: str, failure_keys: FailureKeys, now: datetime) -> Registration[RegisteredKey]:
    """The client with that ID, and its key with that kid."""
    return _find(RegisteredKey, _BY_KEY, (client_id, kid), failure_keys, now)


def find_usable_keys(*, client_pk: int, algorithm: str, limit: int, now: datetime) -> list[RegisteredKey]:
    """The client's keys that may sign with that algorithm now, the newest first."""
    moment = own_database().ops.adapt_datetimefield_value(now)
    rows = _select_all(_USABLE_KEYS, (client_pk, moment, algorithm, "" if algorithm in RSA_ALGORITHMS else algorithm, limit))
    return [RegisteredKey(row[0], row[1], row[2], _aware(row[3]), _aware(row[4]), row[5], row[6]) for row in rows]


def find_published_kids(now: datetime) -> tuple[str, ...]:
    """Those of SigningKey.objects.published."""
    return tuple(kid for (kid,) in _select_all(_PUBLISHED_KIDS, (own_database().ops.adapt_datetimefield_value(now - PUBLISHED_AFTER_RETIREMENT),)))


def find_ended_thumbprints(*, client_pk: int, now: datetime) -> set[str]:
    """The RFC 7638 thumbprints of the client's revoked or expired keys."""
    return {thumbprint for (thumbprint,) in _select_all(_ENDED_KEYS, (client_pk, own_database().ops.adapt_datetimefield_value(now)))}


def is_certificate_revoked(*, client_pk: int, thumbprint: str) -> bool:
    """Whether the certificate was once registered for the client, and then revoked. thumbprint: x5t#S256."""
    return bool(_select(_REVOKED_CERTIFICATES, (client_pk, thumbprint))[0])


def find_by_certificate(*, client_id: str, thumbprint: str, failure_keys: FailureKeys, now: datetime) -> Registration[RegisteredCertificate]:
    """The client with that ID, and its certificate with that x5t#S256."""
    registration = _find(RegisteredCertificate, _BY_CERTIFICATE, (client_id, thumbprint), failure_keys, now)
    found = registration.credential
    if found is None or found.valid_from.tzinfo is not None:
        return registration
    return registration._replace(credential=found._replace(valid_from=found.valid_from.replace(tzinfo=UTC)))


def find_token_state(*, client_id: str, credential_id: str, jti: str, kid: str) -> TokenState:
    kind, colon, identifier = credential_id.partition(":")
    sql = _BY_TOKEN.get(kind if colon else "")
    if sql is not None:
        row = _select(sql, (jti, client_id, identifier if colon else credential_id, kid))
        client = _client(row)
        is_credential_revoked = row[_CREDENTIAL] is None or row[_CREDENTIAL + 1] is not None
    elif kind == "jwks_uri":
        uri, _, thumbprint = credential_id.rpartition(":")
        row = _select(_BY_TOKEN_OF_PUBLISHED, (jti, client_id, thumbprint, kid))
        client = _client(row)
        is_credential_revoked = client is None or uri != client.jwks_uri_credential or row[_CREDENTIAL + 1] is not None
    else:
        row = _select(_BY_TOKEN_OF_SUBJECT, (jti, client_id, kid))
        client = _client(row)
        # The part after the colon may name the CA. Whether that is still trusted isn't in the database.
        subject = ":".join(credential_id.split(":")[:2])
        is_credential_revoked = client is None or subject != client.tls_subject_credential
    return TokenState(
        client=client,
        is_credential_revoked=is_credential_revoked,
        is_signing_key_revoked=row[-4] is None or row[-3] is not None,
        signing_key_retires_at=_aware(row[-2]),
        is_token_revoked=bool(row[-1]),
    )
