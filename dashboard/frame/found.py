"""What an address of a workspace names. Of another workspace's things it is 404, as of what isn't there."""

from typing import Any, TypeVar

from django.http import Http404

from clients.models import Client, ClientCertificate, ClientPublicKey, ClientSecret
from clients.models.client import CLIENT_ID
from dashboard.models import Membership

_Credential = TypeVar("_Credential", ClientSecret, ClientPublicKey, ClientCertificate)


def find_client(membership: Membership, client_id: str, **annotations: Any) -> Client:
    """annotations: what a page wants to know of it besides. Raise Http404."""
    found = None
    if CLIENT_ID.match(client_id):  # what else an address may hold, such as NUL, is nothing for a database
        found = Client.objects.select_related("workspace").filter(workspace=membership.workspace, client_id=client_id).annotate(**annotations).first()
    if found is None:
        raise Http404
    return found


def find_secret(client: Client, secret_id: str) -> ClientSecret:
    """Raise Http404."""
    return _find(ClientSecret, client, secret_id=secret_id)


def find_public_key(client: Client, kid: str) -> ClientPublicKey:
    """Raise Http404."""
    return _find(ClientPublicKey, client, kid=kid)


def find_certificate(client: Client, thumbprint: str) -> ClientCertificate:
    """thumbprint: x5t#S256. Raise Http404."""
    return _find(ClientCertificate, client, thumbprint=thumbprint)


def _find(kind: type[_Credential], client: Client, **name: str) -> _Credential:
    found = kind.objects.filter(client=client, **name).first() if all(value.isprintable() for value in name.values()) else None
    if found is None:
        raise Http404
    return found
