"""Reads the filters and the order of a list of clients from its URL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Case, DateTimeField, F, Max, OuterRef, Q, QuerySet, Subquery, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, Greatest, Lower, NullIf

from clients import attention
from clients.models import Client, Workspace
from clients.models.credentials import KINDS
from clients.redaction import holds_credential
from dashboard.frame.keyset import Order, parse_moment, parse_number, parse_text

SIZES = (10, 25, 100)
MAX_TEXT = 200

ATTENTION = "attention"
STATUSES = (
    ("", "Any status"),
    ("enabled", "Enabled"),
    (ATTENTION, "Needs attention"),
    *attention.Kind.choices,
    ("disabled", "Disabled"),
)

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_ENDLESS = datetime(9999, 1, 1, tzinfo=UTC)

# By name: the label, the two orders in words that follow “Clients,” in the caption, and whether the first click sorts in descending order.
COLUMNS = {
    "name": ("Client", "by name", "from Z to A", False),
    "method": ("Signs in with", "by authentication method", "by authentication method, from Z to A", False),
    "scopes": ("Scopes", "by scopes", "by scopes, from Z to A", False),
    "tokens": ("Tokens, 24 h", "fewest tokens in the last 24 hours first", "most tokens in the last 24 hours first", True),
    "used": ("Last used", "least recently used first", "most recently used first", True),
    "expires": ("Expires", "soonest expiry first", "latest expiry first", False),
}
_DEFAULT = "tokens"


@dataclass(frozen=True, slots=True)
class Filters:
    """is_dropped: q looked like a credential and was cleared. sort: a name in COLUMNS."""

    q: str
    is_dropped: bool
    env: str
    status: str
    sort: str
    is_descending: bool
    size: int
    before: str
    after: str

    @property
    def is_any(self) -> bool:
        return bool(self.q or self.env or self.status)

    @property
    def is_about_attention(self) -> bool:
        return self.status == ATTENTION or self.status in attention.Kind.values

    @property
    def caption(self) -> str:
        _, ascending, descending, _ = COLUMNS[self.sort]
        return f"Clients, {descending if self.is_descending else ascending}"


def read_filters(query: Mapping[str, str]) -> Filters:
    """Reads any URL: unknown values are ignored."""
    text = query.get("q", "").replace("\0", "").strip()
    is_dropped = holds_credential(text)
    sort, status, size = query.get("sort", ""), query.get("status", ""), query.get("size", "")
    name = sort.removeprefix("-")
    name, is_reversed = (name, sort.startswith("-")) if name in COLUMNS else (_DEFAULT, False)
    return Filters(
        q="" if is_dropped else text[:MAX_TEXT],
        is_dropped=is_dropped,
        env=query.get("env", "") if query.get("env") in Client.Environment.values else "",
        status=status if status in dict(STATUSES) else "",
        sort=name,
        is_descending=COLUMNS[name][3] != is_reversed,
        size=int(size) if size in map(str, SIZES) else SIZES[1],
        before=query.get("before", ""),
        after=query.get("after", ""),
    )


def filter_clients(workspace: Workspace, filters: Filters, *, now: datetime) -> QuerySet[Client]:
    """The clients of both environments; one environment is a further filter."""
    found = Client.objects.filter(workspace=workspace)
    if filters.q:
        found = found.matching(filters.q)
    if filters.status in Client.Status.values:
        return found.filter(status=filters.status)
    if filters.status == ATTENTION:
        return found.filter(attention.needing_any(workspace, now=now))
    if filters.is_about_attention:
        return found.filter(attention.needing(attention.Kind(filters.status), workspace, now=now))
    return found


def list_rows(found: QuerySet[Client], workspace: Workspace) -> QuerySet[Client]:
    """The clients with their activity. Its indexes begin with the workspace, so for the usual order only one page of rows is read."""
    return found.filter(activity__workspace=workspace).select_related("activity")


def order_of(filters: Filters, *, now: datetime) -> Order:
    keys: dict[str, tuple[Any, Any]] = {
        "name": (Lower("name"), parse_text),
        "method": (Cast("auth_methods", TextField()), parse_text),
        "scopes": (Cast("scopes", TextField()), parse_text),
        "tokens": (F("activity__granted_24h"), parse_number),
        "used": (Coalesce("activity__last_used_at", Value(_NEVER, DateTimeField())), parse_moment),
        "expires": (_last_end(now), parse_moment),
    }
    key, parse = keys[filters.sort]
    return Order(filters.sort, key, parse, filters.is_descending)


def _last_end(now: datetime) -> Any:
    """The last expiry of all its credentials; clients whose credentials don't expire, or have expired, come last."""
    ends = []
    for model in KINDS:
        usable: QuerySet[Any] = model.objects.usable(now)
        of_client = usable.filter(client=OuterRef("pk")).order_by().values("client")
        last = of_client.values(last=Max(Coalesce("expires_at", Value(_ENDLESS, DateTimeField()))))
        ends.append(Coalesce(Subquery(last), Value(_NEVER, DateTimeField())))
    endless = Value(_ENDLESS, DateTimeField())
    found = Coalesce(NullIf(Greatest(*ends), Value(_NEVER, DateTimeField())), endless)
    return Case(When(Q(status=Client.Status.DISABLED) | Q(jwks_uri__gt="") | Q(tls_subject__gt=""), then=endless), default=found)
