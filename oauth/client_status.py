"""Whether a client and its tokens are accepted at all: not while it is disabled, or its workspace is about to be deleted."""

from oauth import reasons
from oauth.reasons import Reason
from oauth.registration import RegisteredClient


def find_reason_in_status(client: RegisteredClient) -> Reason | None:
    """Why the client and its tokens aren't accepted now."""
    if client.is_workspace_deleted:
        return reasons.WORKSPACE_DELETED.say(workspace=client.workspace)
    return None if client.is_enabled else reasons.CLIENT_DISABLED.say()
