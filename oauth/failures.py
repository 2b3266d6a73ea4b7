"""Records a refused request: a line in the log, a count in the usage, and a RecordedRequest that the client's owner finds by the request ID.

A frequently refused network gets only a few lines (oauth/log_quota.py).
"""

import logging
from datetime import datetime

from django.db import transaction

from clients.models import Client, RecordedRequest
from clients.models.client import CLIENT_ID
from clients.redaction import redact
from clients.services import usage
from clients.services.gathered import RefusedKey
from oauth import throttling, unwritten_failures
from oauth.asked_for import shown_scopes
from oauth.errors import InvalidClientError, OAuthError, TooManyFailuresError
from oauth.granted_requests import microseconds_since
from oauth.log_quota import spend_on_refusal
from oauth.messages import Connection
from oauth.sender_network import widest_network_of

# Failures that don't block their sender are stored too, up to this number per client and address within FAILURE_WINDOW.
_MAX_KEPT = 100
# The limits per client from all addresses, and without a client, within FAILURE_WINDOW. Beyond that, a failure is only counted and logged.
_MAX_KEPT_OF_CLIENT = 1000
_MAX_KEPT_OF_NOBODY = 200
# The limits per workspace, and without a client, within 24 hours. Callers with a credential of the client and strangers have separate limits, so that strangers
# can't crowd out the others. Strangers are also limited per client and per network, so that no single sender can take all of their places.
_MAX_KEPT_OF_KNOWN = 50_000
_MAX_KEPT_OF_STRANGERS = 10_000
_MAX_KEPT_OF_STRANGERS_AT_CLIENT = 3_000
_MAX_KEPT_OF_STRANGERS_IN_NETWORK = 1_000
_DAY = 24 * 3600

logger = logging.getLogger("tokenos.oauth")


def _log(error: OAuthError, *, endpoint: str, connection: Connection, named_client_id: str) -> None:
    left_out = spend_on_refusal(error.reason.code, connection.remote_address)
    if left_out is None:
        return
    logger.info(
        "refused: %s",
        error.reason.code,
        extra={
            "request_id": connection.request_id,
            "endpoint": endpoint,
            "status": error.status,
            "error": error.error,
            "reason": _clean(error.reason.sentence),
            "client_id": named_client_id,
            "secret_id": error.secret_id,
            "address": connection.remote_address,
            "left_out": left_out or None,
        },
    )


def _write(
    error: OAuthError, *, endpoint: str, connection: Connection, client: tuple[int, int] | None, named_client_id: str, scope: str, now: datetime
) -> None:
    client_pk, workspace_pk = client or (None, None)
    RecordedRequest.objects.create(
        workspace_id=workspace_pk,
        client_id=client_pk,
        request_id=connection.request_id,
        endpoint=endpoint,
        status=error.status,
        error=error.error,
        reason=error.reason.code,
        detail=_clean(error.reason.sentence)[:500],
        named_client_id=named_client_id,
        named_secret_id=error.secret_id[:32],
        credential=error.credential_id,
        scope=shown_scopes(scope.split(" "), workspace_pk=workspace_pk)[:500],
        address=connection.remote_address or None,
        microseconds=microseconds_since(now),
        created_at=now,
    )


def _clean(text: str) -> str:
    """Remove anything that may be secret, as a safety net, and NUL, which PostgreSQL refuses."""
    return redact(text).replace("\0", "")


def _abbreviate(client_id: str) -> str:
    """The part that may be stored of an ID that a stranger sent: a program that mixes up ID and secret sends the secret there."""
    beginning = client_id[:8]
    return beginning + "…" if beginning.isascii() and beginning.isprintable() and beginning else ""


def _find_client(client_id: str) -> tuple[int, int] | None:
    """The client's primary key and that of its workspace."""
    if not CLIENT_ID.fullmatch(client_id):
        return None
    return Client.objects.filter(client_id=client_id).values_list("pk", "workspace_id").first()


def _places(client: tuple[int, int] | None, address: str, *, is_known: bool) -> list[tuple[str, int, int]]:
    """The limits for storing a failure: the key under which it is counted, the maximum, and the seconds (0 for FAILURE_WINDOW). The widest comes last."""
    pk, workspace = client if client is not None else ("nobody", "none")
    whose, most = ("known", _MAX_KEPT_OF_KNOWN) if is_known else ("strangers", _MAX_KEPT_OF_STRANGERS)
    network = widest_network_of(address) if address else "unknown"
    # Each case has the same number of limits, because each is a statement, and the time of a response must not tell whether a credential was real.
    return [
        (f"kept of {whose} client {pk}", _MAX_KEPT_OF_NOBODY if client is None else _MAX_KEPT_OF_CLIENT, 0),
        (f"kept of {whose} at {pk}", most if is_known else _MAX_KEPT_OF_STRANGERS_AT_CLIENT, _DAY),
        (f"kept of {whose} {workspace} {network}", most if is_known else _MAX_KEPT_OF_STRANGERS_IN_NETWORK, _DAY),
        (f"kept of {whose} {workspace}", most, _DAY),
    ]


def _may_keep(client: tuple[int, int] | None, address: str, *, is_known: bool, now: datetime) -> bool:
    """Count a failure that is about to be stored. Beyond a limit this only reads: otherwise all failures would queue for one row.

    is_known: whether the request had a credential of the client.
    """
    places = _places(client, address, is_known=is_known)
    if throttling.seconds_left([(key, limit) for key, limit, _ in places], now=now):
        return False
    return all(throttling.count(key, now=now, window=window).failures <= limit for key, limit, window in places)


def record_failure(error: OAuthError, *, endpoint: str, connection: Connection, scope: str = "", now: datetime) -> OAuthError:
    """Log and count it, and store it if it names a client or tried to authenticate. Returns the error to answer with. scope: as requested."""
    named = error.client.client_id if error.client else _abbreviate(error.named_client_id)
    _log(error, endpoint=endpoint, connection=connection, named_client_id=named)
    if error.client is not None:
        whose = (error.client.pk, error.client.workspace_pk, error.client.environment, error.credential_id)
        usage.record_refused(RefusedKey(*whose, endpoint, error.reason.code, int(now.timestamp()) // 3600))
    if isinstance(error, TooManyFailuresError) or error.status >= 500:
        return error
    client = None if error.client is None else (error.client.pk, error.client.workspace_pk)
    if isinstance(error, InvalidClientError):
        keys = throttling.failure_keys(name=error.named_client_id, address=connection.remote_address)
        # If the address has to wait, nothing more is written: otherwise each made-up name would be a row.
        blocked = throttling.seconds_to_wait_to_fail(keys, now=now)
        if blocked:
            unwritten_failures.count(keys, now=now)
            return TooManyFailuresError(retry_after=blocked, client=error.client)
        with transaction.atomic():
            wait = throttling.count_failure(keys, now=now)
            if wait is None and _may_keep(client, connection.remote_address, is_known=error.is_proved, now=now):
                _write(error, endpoint=endpoint, connection=connection, client=client, named_client_id=named, scope=scope, now=now)
        return error if wait is None else TooManyFailuresError(retry_after=max(1, wait), client=error.client)
    is_known = client is not None
    client = client or _find_client(error.named_client_id)
    if client is not None:
        # This key isn't read by any authentication. Requests with an unknown address share one key.
        name = f"kept {'of known ' if is_known else ''}{client[0]}"
        key = throttling.failure_keys(name=name, address=connection.remote_address or "unknown").client_and_address
        if throttling.has_reached(key, _MAX_KEPT, now=now):
            return error
        with transaction.atomic():
            is_first = throttling.count(key, now=now).failures <= _MAX_KEPT
            if is_first and _may_keep(client, connection.remote_address, is_known=is_known, now=now):
                _write(error, endpoint=endpoint, connection=connection, client=client, named_client_id=named, scope=scope, now=now)
    return error
