"""A client's page: whether it works, who uses it, and what to do next."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from clients.credential_list import credentials_of
from clients.disuse import find_disabling
from clients.models import Client, ClientSecret, HandOver, RecordedRequest, UsageBucket
from clients.overlap import find_overlaps
from clients.periods import PERIODS
from clients.places_of_use import Place, places_of
from clients.usage_report import count_living_tokens, in_slots, requests_by_credential
from dashboard.client import overview
from dashboard.client.credentials.table import Background, describe_credentials, describe_sources
from dashboard.explain.request_rows import RequestRow, describe_requests
from dashboard.frame.found import find_client
from dashboard.frame.fragments import render_page_or_fragment
from dashboard.frame.moment import say_length
from dashboard.frame.recent import note_visit
from dashboard.models import Membership
from dashboard.people.actors import describe, find_names
from dashboard.people.permissions import Permission, may, member

LATEST = 5
# If a client has more, only the newest are shown; all of them are in the audit log.
MAX_CREDENTIALS = 200
DAY, MONTH = timedelta(hours=24), timedelta(days=30)


@member(Permission.VIEW)
def client(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    now = timezone.now()
    links = HandOver.objects.open(now).filter(client=OuterRef("pk")).order_by().values("client").values(count=Count("pk"))
    found = find_client(membership, client_id, open_hand_overs=Coalesce(Subquery(links), 0))
    note_visit(request, found)
    period = PERIODS.get(request.GET.get("period", ""), PERIODS["24h"])
    places = places_of(found, since=now - MONTH, now=now)
    shares = overview.share_out(places)
    context = {
        "client": found,
        "tab": "overview",
        "now": now,
        "may_write": may(membership, Permission.WRITE_CLIENTS),
        "may_administer": may(membership, Permission.ADMINISTER_CLIENTS),
        "period": period.name,
        "periods": PERIODS,
        "series": in_slots(UsageBucket.objects.filter(client=found, endpoint="token"), period, now=now),
        "shares": shares[: overview.MAX_PLACES],
        "new_addresses": [share for share in shares if share.is_new],
        "living": count_living_tokens(found, now=now),
        "token_life": say_length(timedelta(seconds=found.token_lifetime)),
        "forbidden_methods": overview.forbidden_methods(found),
        "refused_audiences": overview.refused_audiences(found),
        "hand_overs": found.open_hand_overs,  # type: ignore[attr-defined]  # annotated above
        "latest": _latest(found, membership),
        **_describe_credentials(found, places, membership, now),
    }
    return render(request, "client/overview.html", context)


@member(Permission.VIEW)
def client_latest(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    """The latest requests, which the page refreshes. If the address is opened directly, they are shown within the full page."""
    found = find_client(membership, client_id)
    standing = SimpleLazyObject(lambda: overview.ask_standing(found, now=timezone.now()))
    context = {"client": found, "standing": standing, "tab": "requests", "latest": _latest(found, membership)}
    return render_page_or_fragment(request, "client/latest_page.html", "client/latest.html", context)


def _latest(client: Client, membership: Membership) -> list[RequestRow]:
    requests = RecordedRequest.objects.filter(client=client).order_by("-created_at", "-pk")[:LATEST]
    for recorded in (rows := list(requests)):
        recorded.client = client
    return describe_requests(rows, to=membership)


def _describe_credentials(client: Client, places: Sequence[Place], membership: Membership, now: datetime) -> dict[str, Any]:
    credentials = credentials_of(client, now=now, most=MAX_CREDENTIALS)
    secrets = [row for row in credentials.usable if isinstance(row, ClientSecret)]
    granted = requests_by_credential(client, since=now - DAY, now=now)
    disabling = find_disabling(client)
    makers = [row.created_by for row in (*credentials.usable, *credentials.ended)]
    names = find_names(client.workspace, actors=[client.created_by, *makers, *([disabling.actor] if disabling else [])], client_ids=[])
    known = Background(find_overlaps(secrets, now), granted, names, may(membership, Permission.WRITE_CLIENTS), now)
    return {
        "standing": overview.find_standing(client, credentials),
        "disabling": disabling,
        "disabled_by": describe(disabling.actor, names) if disabling else None,
        "made_by": describe(client.created_by, names),
        "drawn": overview.drawn(credentials),
        "overlaps": overview.describe_overlaps(secrets, places, known),
        "last_end": overview.last_end(credentials),
        "rows": [
            *describe_credentials(credentials.usable, client=client, known=known),
            *describe_sources(client, places=places, known=known),
        ],
        "ended_rows": describe_credentials(credentials.ended, client=client, known=known),
        "has_more_ended": credentials.has_more,
        "has_usable_secret": bool(secrets),
        "has_secret": bool(secrets) or client.takes_secret,
    }
