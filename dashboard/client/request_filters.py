"""Queries for a client's requests: by filters, page by page, and as a file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from django.db.models import F, Q, QuerySet

from clients.models import Client, RecordedRequest
from clients.outcomes import GRANTED
from clients.usage_report import requests_by_credential
from dashboard.client.request_forms import REFUSED, RequestFilterForm
from dashboard.explain.request_rows import RequestRow
from dashboard.frame.keyset import Order, parse_moment

DAY = timedelta(hours=24)
NEWEST_FIRST = Order("time", F("created_at"), parse_moment, is_descending=True)
CSV_HEADER = (
    "time",
    "request_id",
    "endpoint",
    "status",
    "error",
    "reason",
    "detail",
    "credential",
    "named_client_id",
    "named_secret_id",
    "address",
    "scope",
    "milliseconds",
)


@dataclass(frozen=True, slots=True)
class DayOfRequests:
    label: str
    rows: list[RequestRow]


@dataclass(frozen=True, slots=True)
class Sample:
    """For a busy client, not every granted request is stored. This says how many of those in the last 24 hours are."""

    listed: int
    granted: int


def find(client: Client, form: RequestFilterForm) -> QuerySet[RecordedRequest]:
    """form: may be invalid; invalid fields don't filter."""
    found, chosen = RecordedRequest.objects.filter(client=client), form.cleaned_data
    if result := chosen.get("result"):
        found = found.filter(_of_result(result))
    if credential := chosen.get("credential"):
        # A refused request may only name the secret, if no credential was recognised.
        found = found.filter(Q(credential=credential) | Q(credential="", named_secret_id=credential))
    if address := chosen.get("address"):
        found = found.filter(address=address)
    if endpoint := chosen.get("endpoint"):
        found = found.filter(endpoint=endpoint)
    if form.since:
        found = found.filter(created_at__gte=form.since)
    return found


def _of_result(result: str) -> Q:
    if result == GRANTED:
        return Q(status__lt=400)
    return Q(status__gte=400) if result == REFUSED else Q(reason=result)


def find_sample(client: Client, *, now: datetime) -> Sample | None:
    """The sample; None if every request is stored."""
    granted = sum(requests_by_credential(client, since=now - DAY, now=now).values())
    if not granted:
        return None
    listed = RecordedRequest.objects.filter(client=client, created_at__gte=now - DAY, status__lt=400).count()
    return Sample(listed, granted) if listed < granted else None


def group_by_day(rows: Iterable[RequestRow], *, now: datetime, zone: tzinfo) -> list[DayOfRequests]:
    """Group by day in that zone, in the given order."""
    days: dict[date, list[RequestRow]] = {}
    for row in rows:
        days.setdefault(row.recorded.created_at.astimezone(zone).date(), []).append(row)
    today = now.astimezone(zone).date()
    near = {today: "Today, ", today - timedelta(days=1): "Yesterday, "}
    return [DayOfRequests(f"{near.get(day, '')}{day:%A} {day.day} {day:%B %Y}", of_day) for day, of_day in days.items()]


def csv_rows(requests: QuerySet[RecordedRequest]) -> Iterator[tuple[Any, ...]]:
    """The rows of the file, in the order of CSV_HEADER, the newest first."""
    for recorded in requests.order_by("-created_at", "-pk").iterator(chunk_size=500):
        yield (
            recorded.created_at,
            recorded.request_id,
            recorded.endpoint,
            recorded.status,
            recorded.error,
            recorded.reason,
            recorded.detail,
            recorded.credential,
            recorded.named_client_id,
            recorded.named_secret_id,
            recorded.address or "",
            recorded.scope,
            "" if recorded.microseconds is None else recorded.microseconds / 1000,
        )
