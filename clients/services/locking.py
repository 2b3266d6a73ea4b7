"""In which order rows are locked by whoever changes a client: its workspace, the client, and then what belongs to it, by primary key.

So two changes that meet wait for one another; in another order PostgreSQL would end one of them. The locks let others refer to the rows: token requests that
are counted meanwhile don't wait.
"""

from django.core.exceptions import ValidationError

from clients.models import Client
from clients.services.workspaces import lock_workspace


def lock_client(client: Client) -> Client:
    """The row as it is now, with its workspace as that is: nobody else changes either until the transaction ends. Raise ValidationError where one is gone."""
    workspace = lock_workspace(client.workspace)
    locked = Client.objects.select_for_update(no_key=True).filter(pk=client.pk).first()
    if locked is None:
        raise ValidationError(f"{client.name} doesn’t exist any more.", code="unknown_client")
    locked.workspace = workspace
    return locked
