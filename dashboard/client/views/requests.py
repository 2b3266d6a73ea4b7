"""A client's requests, granted and refused: the list, a file, and one request with all details."""

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from clients.models import AuditEvent, RecordedRequest
from clients.services import retention
from dashboard.client import request_filters
from dashboard.client.overview import ask_standing
from dashboard.client.request_forms import RequestFilterForm
from dashboard.explain.request_rows import describe_requests
from dashboard.frame.context import zone_of
from dashboard.frame.exports import csv_response
from dashboard.frame.found import find_client
from dashboard.frame.fragments import render_page_or_fragment
from dashboard.frame.keyset import page_of
from dashboard.frame.pasted import drop_credentials
from dashboard.models import Membership
from dashboard.people.permissions import Permission, member

PAGE = 50
MAX_RELATED = 20
_FILTERS = ("result", "credential", "address", "endpoint", "period")


@member(Permission.VIEW)
def client_requests(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    found, now = find_client(membership, client_id), timezone.now()
    if (without := drop_credentials(request, request.GET, _FILTERS, path=request.path)) is not None:
        return without
    form = RequestFilterForm(request.GET, client=found, now=now)
    form.is_valid()
    listed = request_filters.find(found, form).select_related("client")
    page = page_of(listed, request_filters.NEWEST_FIRST, size=PAGE, before=request.GET.get("before", ""), after=request.GET.get("after", ""))
    rows = describe_requests(page.rows, to=membership)
    context = {
        "client": found,
        "standing": SimpleLazyObject(lambda: ask_standing(found, now=now)),
        "tab": "requests",
        "form": form,
        "page": page,
        "days": request_filters.group_by_day(rows, now=now, zone=zone_of(request)),
        "count": f"{len(rows)}{'+' if page.after else ''} request{'s' if len(rows) != 1 else ''}",
        "sample": request_filters.find_sample(found, now=now),
        "kept_days": retention.request_days(membership.workspace.request_retention_days),
        "query": _query(request),
    }
    return render_page_or_fragment(request, "client/requests.html", "client/request_list.html", context)


@member(Permission.VIEW)
def client_requests_csv(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponseBase:
    """A file of the requests that match the page's filters."""
    found, now = find_client(membership, client_id), timezone.now()
    form = RequestFilterForm(request.GET, client=found, now=now)
    form.is_valid()
    rows = request_filters.csv_rows(request_filters.find(found, form))
    return csv_response(f"requests-{found.client_id}-{now:%Y-%m-%d}.csv", request_filters.CSV_HEADER, rows)


@member(Permission.VIEW)
def client_request(request: HttpRequest, membership: Membership, client_id: str, pk: int) -> HttpResponse:
    found, now = find_client(membership, client_id), timezone.now()
    recorded = RecordedRequest.objects.select_related("client").filter(client=found, pk=pk).first() if pk < 2**63 else None
    if recorded is None:
        raise Http404
    same = RecordedRequest.objects.select_related("client").filter(workspace=membership.workspace, request_id=recorded.request_id, client__isnull=False)
    context = {
        "client": found,
        "standing": ask_standing(found, now=now),
        "tab": "requests",
        "recorded": recorded,
        "row": describe_requests([recorded], to=membership)[0],
        "same": describe_requests(list(same.exclude(pk=pk)[:MAX_RELATED]), to=membership),
        "events": AuditEvent.objects.filter(workspace=membership.workspace, request_id=recorded.request_id).count(),
    }
    return render(request, "client/request.html", context)


def _query(request: HttpRequest) -> str:
    """The filters as a query string that begins with “?”; "" for none."""
    kept = request.GET.copy()
    for name in set(kept) - set(_FILTERS):
        del kept[name]
    encoded = kept.urlencode()
    return f"?{encoded}" if encoded else ""
