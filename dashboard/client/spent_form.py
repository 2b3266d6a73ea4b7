"""The response to a form that is sent again: by a second click, a reload, or after Back."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from clients.models import Client, ClientSecret
from dashboard.models import Membership, SpentForm


def show_spent(request: HttpRequest, membership: Membership, spent: SpentForm | None) -> HttpResponse:
    """Show the client or secret that the form made. Raise Http404 if that belongs to another workspace or is deleted."""
    if spent is None:
        raise Http404
    clients = Client.objects.filter(workspace=membership.workspace)
    client = clients.filter(client_id=spent.made).first()
    secret = None
    if client is None:
        secret = ClientSecret.objects.select_related("client").filter(client__workspace=membership.workspace, secret_id=spent.made).first()
        if secret is None:
            raise Http404
        client = secret.client
    context = {
        "client": client,
        "secret": secret,
        "spent": spent,
        "has_secret": secret is not None or client.takes_secret,
    }
    response = render(request, "client/spent.html", context)
    response["Cache-Control"] = "no-store"
    return response
