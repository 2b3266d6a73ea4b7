"""Who makes a Django request: the connection from ConnectionMiddleware, and the actor for audit events."""

from typing import cast

from django.http import HttpRequest

from clients.services.audit import Actor
from dashboard.models import User
from oauth.messages import Connection


def connection_of(request: HttpRequest) -> Connection:
    return cast(Connection, request.connection)  # type: ignore[attr-defined]  # set by ConnectionMiddleware


def actor_of(request: HttpRequest) -> Actor:
    """The person who is signed in; "anonymous" where nobody is. In a view of a workspace's members who acts has to be one until the end."""
    connection = connection_of(request)
    name = request.user.audit_name if isinstance(request.user, User) else "anonymous"
    return Actor(name, connection.remote_address or None, connection.request_id, getattr(request, "require_still", None))


def origin_of(request: HttpRequest) -> str:
    """The origin of our own pages, under the host name that the browser uses (RFC 6454 §6.2)."""
    return f"{request.scheme}://{request.get_host()}"
