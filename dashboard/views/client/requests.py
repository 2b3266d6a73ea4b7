"""What a client asked for, granted and refused."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from clients.models import RecordedRequest
from dashboard.models import Membership
from dashboard.permissions import Permission, member
from dashboard.views.found import find_client


@member(Permission.VIEW)
def client_requests(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    found = find_client(membership, client_id)
    return render(request, "client/requests.html", {"client": found, "tab": "requests"})


@member(Permission.VIEW)
def client_requests_csv(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    found = find_client(membership, client_id)
    return render(request, "client/requests.html", {"client": found, "tab": "requests"})


@member(Permission.VIEW)
def client_request(request: HttpRequest, membership: Membership, client_id: str, pk: int) -> HttpResponse:
    found = find_client(membership, client_id)
    recorded = RecordedRequest.objects.filter(client=found, pk=pk).first()
    if recorded is None:
        raise Http404
    return render(request, "client/request.html", {"client": found, "tab": "requests", "recorded": recorded})
