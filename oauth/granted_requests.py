"""Records a granted request: it is counted and, if the sample takes it, stored for the client's owner. oauth.failures is for refused requests."""

from datetime import UTC, datetime

from clients.services import usage
from oauth.messages import Request
from oauth.registration import RegisteredClient

# 36 minutes is the most that the column can hold. A longer time means that the clock was set.
_MAX = 2**31


def record_granted(
    request: Request,
    client: RegisteredClient,
    credential_id: str,
    *,
    endpoint: str,
    is_by_credential: bool = True,
    scopes: tuple[str, ...] = (),
    is_scope_asked: bool = False,
    token_lifetime: int = 0,
) -> None:
    """Call it when nothing can fail any more. token_lifetime: the issued token's, in seconds, 0 for none. See GrantedKey for the rest."""
    connection, now = request.connection, request.now
    second = int(now.timestamp())
    usage.record_granted(
        (
            client.pk,
            client.workspace_pk,
            client.environment,
            credential_id,
            endpoint,
            connection.remote_address,
            scopes,
            is_scope_asked,
            is_by_credential,
            second // 60,
            -(-(second + token_lifetime) // 60) if token_lifetime else 0,
        ),
        request_id=connection.request_id,
        elapsed=lambda: microseconds_since(now),
        now=now,
    )


def microseconds_since(moment: datetime) -> int | None:
    """The microseconds; None if the clock was set meanwhile."""
    elapsed = datetime.now(UTC) - moment
    microseconds = (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
    return microseconds if 0 <= microseconds < _MAX else None
