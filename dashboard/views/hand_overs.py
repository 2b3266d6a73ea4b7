"""Hand-over links of a client, as whoever makes them sees them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from clients.models import HandOver
from dashboard.confirmation import confirmed_when_sent
from dashboard.models import Membership
from dashboard.permissions import Permission, member
from dashboard.views.found import find_client


@member(Permission.VIEW, post=Permission.WRITE_CLIENTS)
@confirmed_when_sent
def hand_overs(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    client = find_client(membership, client_id)
    return render(request, "hand_overs/list.html", {"client": client, "links": HandOver.objects.filter(client=client)[:50]})


@member(Permission.WRITE_CLIENTS)
@require_POST
def hand_over_withdraw(_request: HttpRequest, membership: Membership, client_id: str, pk: int) -> HttpResponse:  # noqa: ARG001
    client = find_client(membership, client_id)
    return redirect("hand_overs", membership.workspace.slug, client.client_id)
