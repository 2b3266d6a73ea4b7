"""What the list of clients shows, as a person reads it."""

from datetime import timedelta

from django.utils import timezone

from clients.models import Client, ClientActivity, ClientSecret
from tests import factories
from tests.dashboard.conftest import text_of

PAGE = "/w/demo/clients/"


def use(client, **fields):
    """Set what is known about its activity."""
    activity, _ = ClientActivity.objects.update_or_create(client=client, defaults={"workspace": client.workspace, **fields})
    return activity


def make(workspace, name, *, age=timedelta(days=100), **fields):
    """A client of that age, used today."""
    client = factories.create_client(workspace, name=name, now=timezone.now() - age, **fields).secret.client
    use(client, last_used_at=timezone.now() - timedelta(minutes=3), last_used_from="203.0.113.24")
    return client


def make_many(workspace, number):
    """client-00 and so on, each with a secret: copies, which cost little. Five have the same number of tokens."""
    secret = factories.create_client(workspace, now=timezone.now() - timedelta(days=100)).secret
    kept = Client.objects.filter(pk=secret.client.pk).values().get()
    clients = Client.objects.bulk_create(Client(**{**kept, "id": None, "client_id": f"{one:020}", "name": f"client-{one:02}"}) for one in range(number))
    row = ClientSecret.objects.filter(pk=secret.pk).values().get()
    ClientSecret.objects.bulk_create(ClientSecret(**{**row, "id": None, "client_id": client.pk, "secret_id": client.client_id}) for client in clients)
    used_at = timezone.now() - timedelta(minutes=3)
    ClientActivity.objects.bulk_create(
        ClientActivity(client=client, workspace=workspace, granted_24h=one // 5, last_used_at=used_at) for one, client in enumerate(clients)
    )
    secret.client.delete()
    return clients


def rows_of(response):
    """The text of each row, by the client's name, in the order of the page."""
    found = {}
    for part in response.content.decode().split("<tr ")[2:]:
        html = "<tr " + part.split("</tr>")[0]
        found[text_of(html.split("<bdi>")[1].split("</bdi>")[0])] = text_of(html)
    return found


def names_of(response):
    return list(rows_of(response))
