"""Before a client is changed, finds which of its recent uses would then be refused, from its usage counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from django.db.models import Sum

from clients.models import AddressUse, Client, ScopeUse, TokenCount, UsageBucket
from clients.models.client import SECRET_METHODS
from clients.outcomes import GRANTED
from clients.periods import floor_hour
from clients.usage_report import requests_by_credential

LOOKS_BACK = timedelta(days=7)
_MAX_ADDRESSES = 10

_Method = Client.AuthMethod
# The prefix, before a colon, in the names of each method's credentials. Secrets' names have none.
_CREDENTIALS = {
    _Method.PRIVATE_KEY_JWT: ("key", "jwks_uri"),
    _Method.SELF_SIGNED_TLS_CLIENT_AUTH: ("certificate",),
    _Method.TLS_CLIENT_AUTH: ("tls_subject",),
}


@dataclass(frozen=True, slots=True)
class LostUse:
    """kind, which determines the pages' words: scope; implied_scope: granted without being requested; method; secret_method: one of the two ways to send a
    secret, which aren't counted separately; address; audience; last_audience: the workspace's own replaces it; first_audience: it replaces the workspace's own;
    unbound: requests without the key or certificate that would be required; source: valid tokens that would stop working, because the credential that obtained
    them changes.

    thing: the scope, method, address or other thing. count: how often it was used in 7 days, or how many tokens would stop working.
    """

    kind: str
    thing: str
    count: int


def find_lost_uses(client: Client, changes: Mapping[str, Any], *, now: datetime) -> list[LostUse]:
    """changes: the client's changed columns, from propose(). A use that didn't occur in 7 days isn't lost."""
    since = now - LOOKS_BACK
    lost: list[LostUse] = []
    if "scopes" in changes:
        lost += _scopes(client, changes["scopes"], since)
    if "auth_methods" in changes:
        lost += _methods(client, changes["auth_methods"], since, now)
    if changes.get("allowed_networks"):
        lost += _addresses(client, changes["allowed_networks"], since)
    if "audiences" in changes:
        lost += _audiences(client, changes["audiences"], since)
    lost += _unbound(client, changes, since)
    lost += _sources(client, changes, now)
    return lost


def _scopes(client: Client, left: list[str], since: datetime) -> list[LostUse]:
    removed = [scope for scope in client.scopes if scope not in left]
    rows = ScopeUse.objects.filter(client=client, scope__in=removed, day__gte=since.date()).values("scope").annotate(all=Sum("granted"), named=Sum("asked"))
    used = {row["scope"]: row for row in rows}
    found = []
    for scope in removed:
        row = used.get(scope, {"all": 0, "named": 0})
        if row["named"]:
            found.append(LostUse("scope", scope, row["named"]))
        elif row["all"]:
            found.append(LostUse("implied_scope", scope, row["all"]))
    return found


def _count_tokens(client: Client, since: datetime) -> int:
    rows = UsageBucket.objects.filter(client=client, hour__gte=floor_hour(since), endpoint="token", outcome=GRANTED)
    count: int = rows.aggregate(all=Sum("count", default=0))["all"]
    return count


def _kind_of(credential: str) -> str:
    kind, colon, _ = credential.partition(":")
    return kind if colon else ""


def _methods(client: Client, left: list[str], since: datetime, now: datetime) -> list[LostUse]:
    removed = [method for method in client.auth_methods if method not in left]
    if not removed:
        return []
    granted = requests_by_credential(client, since=since, now=now)
    found = []
    for method in removed:
        kinds = _CREDENTIALS.get(_Method(method), ("",))
        count = sum(number for credential, number in granted.items() if _kind_of(credential) in kinds)
        if count:
            is_half = method in SECRET_METHODS and any(other in left for other in SECRET_METHODS)
            found.append(LostUse("secret_method" if is_half else "method", method, count))
    return found


def _addresses(client: Client, ranges: list[str], since: datetime) -> list[LostUse]:
    networks = [ip_network(text) for text in ranges]
    rows = AddressUse.objects.filter(client=client, day__gte=since.date()).values("address").annotate(all=Sum("count")).order_by("-all", "address")
    shut_out = [row for row in rows if not any(ip_address(row["address"]) in network for network in networks)]
    return [LostUse("address", row["address"], row["all"]) for row in shut_out[:_MAX_ADDRESSES]]


def _audiences(client: Client, left: list[str], since: datetime) -> list[LostUse]:
    """Uses aren't counted by audience."""
    removed = [audience for audience in client.audiences if audience not in left]
    # A client without audiences gets tokens for the workspace's own, so its first audience replaces that one.
    is_first = not client.audiences and bool(left)
    if not removed and not is_first:
        return []
    count = _count_tokens(client, since)
    if not count:
        return []
    kind = "audience" if left else "last_audience"
    return [LostUse(kind, audience, count) for audience in removed] or [LostUse("first_audience", left[0], count)]


def _unbound(client: Client, changes: Mapping[str, Any], since: datetime) -> list[LostUse]:
    demanded = [name for name in ("require_dpop", "require_certificate") if changes.get(name)]
    count = _count_tokens(client, since) if demanded else 0
    return [LostUse("unbound", name, count) for name in demanded if count]


def _sources(client: Client, changes: Mapping[str, Any], now: datetime) -> list[LostUse]:
    """The jwks_uri and the certificates' subject. Tokens name them as the credential that obtained them."""
    found = []
    for name, kind in (("jwks_uri", "jwks_uri"), ("tls_subject", "tls_subject")):
        if getattr(client, name) and {name, f"{name}_type"} & changes.keys():
            living = TokenCount.objects.filter(client=client, credential__startswith=f"{kind}:", expires_at__gt=now)
            count = living.aggregate(all=Sum("count"))["all"]
            if count:
                found.append(LostUse("source", name, count))
    return found
