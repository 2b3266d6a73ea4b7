"""What becomes of a granted request: it is counted, and kept for the client's owner as far as the sample takes it. oauth.failures is for refused ones."""

from datetime import UTC, datetime

from clients.services import usage
from oauth.messages import Request
from oauth.registration import RegisteredClient

# 36 minutes, and what the column holds: whatever says more is a clock that was set.
_MOST = 2**31


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
    """To be called when nothing can go wrong any more. token_lifetime: of the token that was issued, in seconds, 0 for none. See GrantedKey for the rest."""
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
    """None where the clock was set meanwhile."""
    elapsed = datetime.now(UTC) - moment
    microseconds = (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
    return microseconds if 0 <= microseconds < _MOST else None
