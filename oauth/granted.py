"""What becomes of a granted request: it is counted, and kept for the client's owner as far as the sample takes it. oauth.failures is for refused ones."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from clients.services import usage
from clients.services.gathered import Requester
from oauth.registration import RegisteredClient

if TYPE_CHECKING:
    from oauth.endpoint import Request

# A day: whatever says more is a clock that was set.
_MOST = 86_400_000_000


def record_granted(
    request: "Request",
    client: RegisteredClient,
    credential_id: str,
    *,
    endpoint: str,
    is_by_credential: bool = True,
    scopes: tuple[str, ...] = (),
    is_scope_asked: bool = False,
    token_expires_at: int = 0,
) -> None:
    """To be called when nothing can go wrong any more. For the arguments see clients.services.usage.record_granted."""
    connection = request.connection
    usage.record_granted(
        Requester(client.pk, client.workspace_pk, client.environment, credential_id),
        endpoint=endpoint,
        address=connection.remote_address,
        request_id=connection.request_id,
        is_by_credential=is_by_credential,
        microseconds=microseconds_since(request.now),
        now=request.now,
        scopes=scopes,
        is_scope_asked=is_scope_asked,
        token_expires_at=token_expires_at,
    )


def microseconds_since(moment: datetime) -> int | None:
    """None where the clock was set meanwhile."""
    elapsed = datetime.now(UTC) - moment
    microseconds = (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
    return microseconds if 0 <= microseconds < _MOST else None
