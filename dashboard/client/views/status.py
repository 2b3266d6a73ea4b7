"""Disabling, enabling and deleting a client: each page first says what will happen."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from clients.models import Client, ClientCertificate, ClientPublicKey, ClientSecret, RecordedRequest
from clients.services import client_deletion, clients
from clients.services.client_deletion import DISABLED_FOR, disabled_since, is_deletable
from clients.services.usability import find_methods_without_credentials
from dashboard.client import impact
from dashboard.client.status_forms import ClientDeletionForm, DisablingForm
from dashboard.frame.confirmation import confirmed_when_sent
from dashboard.frame.entries import kept_over_sign_in
from dashboard.frame.found import find_client
from dashboard.frame.typography import messages_of
from dashboard.models import Membership
from dashboard.people import quotas
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, member


@kept_over_sign_in
@member(Permission.ADMINISTER_CLIENTS)
@confirmed_when_sent
def client_disable(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    client, now = find_client(membership, client_id), timezone.now()
    found = impact.of_client(client, now=now)
    form = DisablingForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid() and (refusal := quotas.refuse_edit(membership.user, takes_proof=True, now=now)):
        form.add_error(None, refusal.text)
    elif form.is_valid():
        try:
            clients.disable_client(client=client, reason=form.cleaned_data["reason"], actor=actor_of(request), now=now)
        except ValidationError as error:
            form.add_error("reason", error)
        else:
            ended = f" {found.tokens:,} token{'s' if found.tokens != 1 else ''} ended with it." if found.tokens else ""
            messages.success(request, f"{client.name} is disabled. It gets no tokens.{ended}")
            return redirect("client", membership.workspace.slug, client.client_id)
    response = render(request, "client/disable.html", {"client": client, "form": form, "impact": found})
    return refusal.apply_to(response) if refusal else response


@member(Permission.ADMINISTER_CLIENTS)
@confirmed_when_sent
def client_enable(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    client, now = find_client(membership, client_id), timezone.now()
    if request.method == "POST":
        try:
            clients.enable_client(client=client, actor=actor_of(request), now=now)
        except ValidationError:
            raise Http404 from None
        messages.success(request, f"{client.name} is enabled. It gets tokens again.")
        return redirect("client", membership.workspace.slug, client.client_id)
    context = {
        "client": client,
        "disabled_at": disabled_since(client),
        "impact": impact.of_client(client, now=now),
        "usable": impact.usable_credentials_of(client, now),
        "missing": find_methods_without_credentials(client, now=now),
    }
    return render(request, "client/enable.html", context)


@member(Permission.ADMINISTER_CLIENTS)
@confirmed_when_sent
def client_delete(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    """Lists what will be deleted, and takes the typed name."""
    client, now = find_client(membership, client_id), timezone.now()
    form = ClientDeletionForm(request.POST if request.method == "POST" else None, client=client)
    if request.method == "POST" and form.is_valid():
        try:
            client_deletion.delete_client(client=client, typed_name=form.cleaned_data["name"], actor=actor_of(request), now=now)
        except ValidationError as error:
            form.add_error("name" if getattr(error, "code", None) == "not_confirmed" else None, messages_of(error))
        else:
            messages.success(request, f"{client.name} was deleted.")
            return redirect("clients", membership.workspace.slug)
    return render(request, "client/delete.html", {"client": client, "form": form, **_describe_deletion(client, now)})


def _describe_deletion(client: Client, now: datetime) -> dict[str, Any]:
    since = disabled_since(client)
    return {
        "is_deletable": is_deletable(client, now=now),
        "deletable_at": None if since is None else since + DISABLED_FOR,
        **_count_rows(client),
        "impact": impact.of_client(client, now=now),
    }


def _count_rows(client: Client) -> dict[str, int]:
    """The numbers of rows that are deleted with the client, in one query."""
    kinds = {"secret_count": ClientSecret, "key_count": ClientPublicKey, "certificate_count": ClientCertificate, "request_count": RecordedRequest}
    of_client = {name: kind._default_manager.filter(client=OuterRef("pk")).order_by().values("client") for name, kind in kinds.items()}
    counts = {name: Coalesce(Subquery(rows.values(count=Count("pk"))), 0) for name, rows in of_client.items()}
    return dict(Client.objects.filter(pk=client.pk).values(**counts).first() or dict.fromkeys(counts, 0))
