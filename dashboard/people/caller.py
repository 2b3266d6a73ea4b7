"""The sender of a Django request: the connection from ConnectionMiddleware, and the actor for audit events."""

from typing import cast

from django.http import HttpRequest

from clients.services.audit import Actor
from dashboard.models import User
from oauth.messages import Connection


def connection_of(request: HttpRequest) -> Connection:
    return cast(Connection, request.connection)  # type: ignore[attr-defined]  # set by ConnectionMiddleware


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person; "anonymous" if there is none. In a view for a workspace's members, the person must still be a member when the change is made."""
    connection = connection_of(request)
    name = request.user.audit_name if isinstance(request.user, User) else "anonymous"
    return Actor(name, connection.remote_address or None, connection.request_id, getattr(request, "require_still", None))


def origin_of(request: HttpRequest) -> str:
    """The origin of our own pages (RFC 6454 §6.2), with the host name that the browser uses."""
    return f"{request.scheme}://{request.get_host()}"
