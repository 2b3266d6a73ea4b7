"""The clients that a user viewed last, which search shows first. Only their IDs are stored, in the session."""

from django.http import HttpRequest

from clients.models import Client

_IN_SESSION = "recent"
_MAX = 5


def note_visit(request: HttpRequest, client: Client) -> None:
    """Note a visit to a client's page. Viewing the same client again writes nothing."""
    known = request.session.get(_IN_SESSION, [])
    if known[:1] != [client.client_id]:
        request.session[_IN_SESSION] = [client.client_id, *(other for other in known if other != client.client_id)][:_MAX]


def recent_client_ids(request: HttpRequest) -> list[str]:
    """The IDs from any workspace, the most recently viewed first."""
    return list(request.session.get(_IN_SESSION, []))
