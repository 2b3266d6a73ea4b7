"""What becomes of a refused request: a line in the log, a count of usage, and a FailedRequest that the client's owner finds by the request ID."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from clients.models import Client, FailedRequest
from clients.services import usage
from oauth import throttling
from oauth.errors import InvalidClientError, OAuthError, TooManyFailuresError

if TYPE_CHECKING:
    from oauth.endpoint import Connection

# Requests that are malformed before anybody is authenticated are kept for the client that they name, so a stranger could write without end.
_MAX_UNAUTHENTICATED = 100

logger = logging.getLogger("tokenos.oauth")


def _write(error: OAuthError, *, endpoint: str, connection: "Connection", client: tuple[int, int] | None, named_client_id: str, now: datetime) -> None:
    client_pk, workspace_pk = client or (None, None)
    FailedRequest.objects.create(
        workspace_id=workspace_pk,
        client_id=client_pk,
        request_id=connection.request_id,
        endpoint=endpoint,
        status=error.status,
        error=error.error,
        reason=error.reason.code,
        detail=error.reason.sentence[:500],
        named_client_id=named_client_id[:64],
        named_secret_id=error.secret_id[:32],
        address=connection.remote_address or None,
        created_at=now,
    )


def _find_client(client_id: str) -> tuple[int, int] | None:
    """Its primary key and that of its workspace."""
    return Client.objects.filter(client_id=client_id).values_list("pk", "workspace_id").first() if 16 <= len(client_id) <= 64 else None


def record_failure(error: OAuthError, *, endpoint: str, connection: "Connection", now: datetime) -> OAuthError:
    """Log it, count it, and keep it where it names a client or tried to authenticate one. Returns the error to answer with."""
    named = error.named_client_id.replace("\0", "")
    logger.info(
        "refused: %s",
        error.reason.code,
        extra={
            "request_id": connection.request_id,
            "endpoint": endpoint,
            "status": error.status,
            "error": error.error,
            "reason": error.reason.sentence,
            "client_id": error.client.client_id if error.client else named[:64],
            "secret_id": error.secret_id,
            "address": connection.remote_address,
        },
    )
    if error.client is not None:
        usage.record(client=error.client.pk, credential=error.secret_id, endpoint=endpoint, outcome=error.reason.code, now=now)
    if isinstance(error, TooManyFailuresError) or error.status >= 500:
        return error
    client = None if error.client is None else (error.client.pk, error.client.workspace_pk)
    if isinstance(error, InvalidClientError):
        keys = throttling.failure_keys(client=error.named_client_id, address=connection.remote_address)
        with transaction.atomic():
            wait = throttling.count_failure(keys, now=now)
            if wait is None:
                _write(error, endpoint=endpoint, connection=connection, client=client, named_client_id=named, now=now)
        return error if wait is None else TooManyFailuresError(retry_after=max(1, wait), client=error.client)
    if client is not None:
        _write(error, endpoint=endpoint, connection=connection, client=client, named_client_id=named, now=now)
    elif named and (found := _find_client(named)):
        keys = throttling.failure_keys(client="unauthenticated", address=connection.remote_address)
        with transaction.atomic():
            if throttling.count(keys.client_and_address, now=now).failures <= _MAX_UNAUTHENTICATED:
                _write(error, endpoint=endpoint, connection=connection, client=found, named_client_id=named, now=now)
    return error
