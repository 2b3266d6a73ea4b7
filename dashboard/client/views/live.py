"""A client's requests as they arrive: the data for a feed that asks every second, and a page for browsers without JavaScript."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from clients.models import Client, RecordedRequest
from dashboard.explain.request_rows import describe_requests
from dashboard.frame.found import find_client
from dashboard.frame.fragments import render_page_or_fragment
from dashboard.frame.moment import say_length
from dashboard.models import Membership
from dashboard.people.permissions import Permission, member

MAX = 20
# A feed that paused for longer, in a hidden window, only goes back this far.
_REACH = timedelta(hours=1)


@member(Permission.VIEW)
def client_live(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    """?after= names the newest request that the feed already has."""
    found = find_client(membership, client_id)
    requests = RecordedRequest.objects.filter(client=found, created_at__gt=timezone.now() - _REACH, pk__gt=_read_after(request))
    newest = list(found.secrets.order_by("-pk")[:2])
    if "after" in request.GET and len(newest) == 2:
        # A request is written some seconds late, so one from before a rotation may have a newer row than the page that shows the new secret.
        requests = requests.filter(created_at__gte=newest[0].created_at)
    rows = describe_requests(requests.select_related("client").order_by("-created_at", "-pk")[:MAX], to=membership)
    context = {
        "client": found,
        "rows": rows,
        "first": _find_first_token(found) if any(row.explanation is None for row in rows) else None,
        "lifetime": say_length(timedelta(seconds=found.token_lifetime)),
    }
    return render_page_or_fragment(request, "client/live.html", "components/request_items.html", context)


def _read_after(request: HttpRequest) -> int:
    text = request.GET.get("after", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _find_first_token(client: Client) -> int | None:
    """The request that got a new client its first token. None for an older client, because the request is no longer stored."""
    if client.created_at < timezone.now() - _REACH:
        return None
    granted = RecordedRequest.objects.filter(client=client, endpoint="token", status__lt=400)
    return granted.order_by("created_at", "pk").values_list("pk", flat=True).first()
