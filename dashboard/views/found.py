"""What an address of a workspace names. Of another workspace's things it is 404, as of what isn't there."""

from django.http import Http404

from clients.models import Client
from clients.models.client import CLIENT_ID
from dashboard.models import Membership


def find_client(membership: Membership, client_id: str) -> Client:
    """Raise Http404."""
    found = None
    if CLIENT_ID.match(client_id):  # what else an address may hold, such as NUL, is nothing for a database
        found = Client.objects.select_related("workspace").filter(workspace=membership.workspace, client_id=client_id).first()
    if found is None:
        raise Http404
    return found
