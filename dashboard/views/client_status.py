"""Disabling, enabling and deleting a client: each says first what comes of it."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from clients.services import client_deletion, clients
from clients.services.client_deletion import disabled_since
from dashboard.caller import actor_of
from dashboard.confirmation import confirmed_when_sent
from dashboard.forms.client_status import ClientDeletionForm, DisablingForm
from dashboard.models import Membership
from dashboard.permissions import Permission, member
from dashboard.views.found import find_client


@member(Permission.ADMINISTER_CLIENTS)
@confirmed_when_sent
def client_disable(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    client, now = find_client(membership, client_id), timezone.now()
    form = DisablingForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            clients.disable_client(client=client, reason=form.cleaned_data["reason"], actor=actor_of(request), now=now)
        except ValidationError as error:
            form.add_error("reason", error)
        else:
            messages.success(request, f"{client.name} is disabled. It gets no tokens.")
            return redirect("client", membership.workspace.slug, client.client_id)
    return render(request, "clients/disable.html", {"client": client, "form": form})


@member(Permission.ADMINISTER_CLIENTS)
@confirmed_when_sent
def client_enable(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    client, now = find_client(membership, client_id), timezone.now()
    if request.method == "POST":
        clients.enable_client(client=client, actor=actor_of(request), now=now)
        messages.success(request, f"{client.name} is enabled. It gets tokens again.")
        return redirect("client", membership.workspace.slug, client.client_id)
    context = {
        "client": client,
        "disabled_at": disabled_since(client),
        "secret_count": client.secrets.usable(now).count(),
    }
    return render(request, "clients/enable.html", context)


@member(Permission.ADMINISTER_CLIENTS)
@confirmed_when_sent
def client_delete(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    """Lists what goes, and takes the typed name."""
    client, now = find_client(membership, client_id), timezone.now()
    form = ClientDeletionForm(request.POST if request.method == "POST" else None, client=client)
    if request.method == "POST" and form.is_valid():
        try:
            client_deletion.delete_client(client=client, typed_name=form.cleaned_data["name"], actor=actor_of(request), now=now)
        except ValidationError as error:
            form.add_error("name" if error.code == "not_confirmed" else None, error)
        else:
            messages.success(request, f"{client.name} was deleted.")
            return redirect("clients", membership.workspace.slug)
    return render(request, "clients/delete.html", {"client": client, "form": form})
