"""Finds the things that a workspace's URLs name. Another workspace's things are 404, like things that don't exist."""

from typing import Any, cast

from django.db.models import QuerySet
from django.http import Http404

from clients.models import Client
from clients.models.client import CLIENT_ID
from clients.models.credentials import CredentialT
from dashboard.models import Membership


def find_client(membership: Membership, client_id: str, **annotations: Any) -> Client:
    """annotations: further values that a page needs. Raise Http404."""
    found = None
    if CLIENT_ID.match(client_id):  # a database may not accept other strings from a URL, such as one with NUL
        found = Client.objects.select_related("workspace").filter(workspace=membership.workspace, client_id=client_id).annotate(**annotations).first()
    if found is None:
        raise Http404
    return found


def find_credential(kind: type[CredentialT], client: Client, **name: str) -> CredentialT:
    """The credential with its client. name: the ID, by the name of its field. Raise Http404."""
    found = cast("QuerySet[CredentialT]", kind.objects.filter(client=client, **name)).first() if all(value.isprintable() for value in name.values()) else None
    if found is None:
        raise Http404
    found.client = client
    return found
