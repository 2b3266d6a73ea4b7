"""The list of clients."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from clients.attention import find_attention
from clients.models import Client
from dashboard.clients.attention_words import say_attention
from dashboard.clients.filters import COLUMNS, SIZES, STATUSES, Filters, filter_clients, list_rows, order_of, read_filters
from dashboard.clients.table import describe_clients
from dashboard.frame.fragments import is_fragment, render_page_or_fragment
from dashboard.frame.keyset import page_of
from dashboard.models import Membership
from dashboard.people.permissions import Permission, may, member


@member(Permission.VIEW)
def clients(request: HttpRequest, membership: Membership) -> HttpResponse:
    now = timezone.now()
    filters = read_filters(request.GET)
    if filters.is_dropped:
        return _drop_text(request)
    found = filter_clients(membership.workspace, filters, now=now)
    counts = _count_by_environment(found)
    if filters.env:
        found = found.filter(environment=filters.env)
    page = page_of(list_rows(found, membership.workspace), order_of(filters, now=now), size=filters.size, before=filters.before, after=filters.after)
    rows = describe_clients(page.rows, now=now)
    context = {
        "filters": filters,
        "page": page,
        "rows": rows,
        "has_usage": all(row.spark is not None for row in rows),
        "total": counts[filters.env],
        "environments": [(env, label, counts[env]) for env, label in (("", "All"), *Client.Environment.choices)],
        "columns": [_describe_column(name, filters) for name in COLUMNS],
        "statuses": STATUSES,
        "sizes": SIZES,
        "may_write": may(membership, Permission.WRITE_CLIENTS),
        "may_administer": may(membership, Permission.ADMINISTER_CLIENTS),
    }
    if not is_fragment(request) and not filters.is_about_attention:
        attention = find_attention(membership.workspace, now=now)
        context |= {"attention": attention, "sentences": say_attention(attention, now=now)}
    return render_page_or_fragment(request, "clients/list.html", "clients/table.html", context)


def _drop_text(request: HttpRequest) -> HttpResponse:
    """Redirect to the same list without text that looks like a credential, so that it doesn't stay in a URL."""
    query = request.GET.copy()
    del query["q"]
    messages.error(request, "That looks like a secret, so we didn’t search for it. If it is one, use Leak response.")
    return redirect(f"{request.path}?{query.urlencode()}" if query else request.path)


def _count_by_environment(found: QuerySet[Client]) -> dict[str, int]:
    """The total is under ""."""
    counts = dict(found.order_by().values_list("environment").annotate(count=Count("pk")))
    return {"": sum(counts.values()), **{env: counts.get(env, 0) for env in Client.Environment.values}}


def _describe_column(name: str, filters: Filters) -> dict[str, Any]:
    """sort: the URL's value after a click. direction: the value of aria-sort, "" if the list isn't sorted by that column."""
    label, _, _, begins_descending = COLUMNS[name]
    is_current = name == filters.sort
    becomes_descending = not filters.is_descending if is_current else begins_descending
    direction = ("descending" if filters.is_descending else "ascending") if is_current else ""
    return {"name": name, "label": label, "sort": name if becomes_descending == begins_descending else f"-{name}", "direction": direction}
