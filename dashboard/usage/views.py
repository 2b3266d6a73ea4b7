"""Usage of a workspace, of one environment, or of one client."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from clients.models import Client
from clients.most_used import first_day
from clients.periods import PERIODS, WEEK
from clients.response_times import sum_answers
from clients.workspace_usage import ENDPOINT, Activity, Selection, count_totals, find_activity
from dashboard.frame.exports import csv_response
from dashboard.frame.found import find_client
from dashboard.models import Membership
from dashboard.people.permissions import Permission, member
from dashboard.usage import exports
from dashboard.usage import page as usage_page

# The menu lists this many clients; the usage of any other is linked from the client's page.
CHOICES = 100

logger = logging.getLogger("tokenos.dashboard")

_Part = TypeVar("_Part")


@member(Permission.VIEW)
def usage(request: HttpRequest, membership: Membership) -> HttpResponse:
    """?period= is 24h, 7d or 30d; ?env= is live or test; ?client= is a client ID, which also selects that client's environment."""
    now, selection = timezone.now(), _read(request, membership)
    period, client = selection.period, selection.client
    totals = _part(lambda: count_totals(selection, now=now))
    activity = _part(lambda: find_activity(selection, limit=CHOICES))
    context = {
        "selection": selection,
        "query": _write(selection),
        "periods": [(name, _write(selection, period=name)) for name in PERIODS],
        "environments": [(env, label, _write(selection, env=env, client="")) for env, label in (("", "All"), *Client.Environment.choices)],
        "choices": _choices(activity, client),
        "has_more_choices": activity is not None and activity.clients > CHOICES,
        "totals": totals,
        "activity": activity,
        "answers": None if client else _part(lambda: sum_answers(endpoint=ENDPOINT, since=period.begins_at(now))),
        "shares": totals and activity and _part(lambda: usage_page.find_shares(selection, totals, activity, now=now)),
        "most_used": activity and _part(lambda: usage_page.find_most_used(selection, clients=activity.clients, now=now)),
        "first_day": first_day(period, now),
        # The filter of a client's list of requests.
        "requests_period": period.name if period.length <= WEEK.length else "",
    }
    return render(request, "usage/usage.html", context)


@member(Permission.VIEW)
def usage_csv(request: HttpRequest, membership: Membership) -> HttpResponseBase:
    """A file of the selection. ?by=client: the sums for every client."""
    now, selection = timezone.now(), _read(request, membership)
    name = f"usage-{membership.workspace.slug}-{now:%Y-%m-%d}.csv"
    if selection.client is not None:
        return csv_response(name, exports.BY_CREDENTIAL, exports.by_credential(selection.client, selection, now=now))
    if request.GET.get("by") == "client":
        return csv_response(name, exports.BY_CLIENT, exports.by_client(selection))
    return csv_response(name, exports.BY_HOUR, exports.by_hour(selection, now=now))


def _read(request: HttpRequest, membership: Membership) -> Selection:
    """The selection in the URL. Invalid values don't filter. Raise Http404 for a client that doesn't exist."""
    period = PERIODS.get(request.GET.get("period", ""), WEEK)
    if client_id := request.GET.get("client"):
        return Selection(membership.workspace, period, client=find_client(membership, client_id))
    env = request.GET.get("env", "")
    return Selection(membership.workspace, period, env if env in Client.Environment.values else "")


def _write(selection: Selection, **changes: str) -> str:
    """The selection as a query string that _read can read."""
    client_id = selection.client.client_id if selection.client else ""
    fields = {"period": selection.period.name, "env": selection.environment, "client": client_id, **changes}
    return "?" + urlencode({name: value for name, value in fields.items() if value})


def _part(find: Callable[[], _Part]) -> _Part | None:
    """A part of the page; None if the database fails, so that the page says so and still shows the other parts."""
    try:
        return find()
    except DatabaseError:
        logger.exception("A part of the usage page can't be shown")
        return None


def _choices(activity: Activity | None, chosen: Client | None) -> list[Client]:
    """The choices sorted by name, including the chosen client."""
    listed: dict[int, Any] = {client.pk: client for client in (activity.busiest if activity else [])}
    if chosen is not None:
        listed[chosen.pk] = chosen
    return sorted(listed.values(), key=lambda client: (client.name.casefold(), client.pk))
