"""The effect of policies: the report before a stricter policy, and afterwards the list of things that still break it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, QuerySet
from django.http import QueryDict

from clients.disuse import can_tell, unused_clients
from clients.models import Client, ClientSecret, Workspace
from dashboard.models import Membership
from dashboard.people.permissions import roles_from
from dashboard.people.policies import Policies
from dashboard.people.second_factors import STRONG

PAGE = 20


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """name, under: the thing's names. detail: how it breaks the policy. ends_at: for a secret, whose detail is "" or says that it doesn't expire."""

    name: str
    under: str
    detail: str = ""
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """key: as in Policies.stricter_than. things: the noun for count. consequence: the effect on them.

    previous, next: the query of that page, "" if there is none.
    """

    key: str
    things: str
    consequence: str
    page: Page[Any]
    rows: list[PolicyRow]
    previous: str
    next: str

    @property
    def is_of_people(self) -> bool:
        return self.key in ("second_factor", "sso", "live_clients")

    @property
    def count(self) -> int:
        return self.page.paginator.count


def report(workspace: Workspace, policies: Policies, keys: Iterable[str], *, query: QueryDict, now: datetime) -> list[Finding]:
    """query: the page's, which also has each finding's page number, under its key and _page."""
    found = []
    for key in keys:
        rows, describe = _touched(workspace, policies, key, now)
        page = Paginator(rows, PAGE).get_page(query.get(f"{key}_page"))
        singular, plural, consequence = _WORDS[key]
        things = singular if page.paginator.count == 1 else plural
        previous = _query(query, key, page.previous_page_number()) if page.has_previous() else ""
        following = _query(query, key, page.next_page_number()) if page.has_next() else ""
        found.append(Finding(key, things, consequence, page, [describe(row) for row in page.object_list], previous, following))
    return found


def _query(query: QueryDict, key: str, number: int) -> str:
    changed = query.copy()
    changed[f"{key}_page"] = str(number)
    return f"?{changed.urlencode()}"


def in_force(policies: Policies) -> list[str]:
    """The keys of policies that existing things can break. Tokens aren't among them: a new token lives no longer than allowed, even if its client's setting is
    longer.
    """
    clients = policies.clients
    set_ones = {
        "methods": bool(clients.allowed_auth_methods),
        "secrets": clients.demands_secret_expiry,
        "second_factor": policies.requires_second_factor,
    }
    return [key for key, is_set in set_ones.items() if is_set]


def count_breaches(workspace: Workspace, policies: Policies, *, now: datetime) -> int:
    return sum(_touched(workspace, policies, key, now)[0].count() for key in in_force(policies))


def _late_secrets(workspace: Workspace, policies: Policies, *, now: datetime) -> QuerySet[ClientSecret]:
    """Usable secrets that don't expire, or that expire later than a new secret could."""
    usable = ClientSecret.objects.filter(client__workspace=workspace).select_related("client").order_by("client__name", "pk")
    longest = policies.clients.longest_secret_lifetime
    return usable.usable(now).filter(expires_at=None) if longest is None else usable.ending_after(now + longest, now=now)


def _without_second_factor(members: QuerySet[Membership]) -> QuerySet[Membership]:
    return members.filter(~Exists(Authenticator.objects.filter(user=OuterRef("user"), type__in=STRONG)))


def _touched(workspace: Workspace, policies: Policies, key: str, now: datetime) -> tuple[QuerySet[Any], Callable[[Any], PolicyRow]]:
    clients = Client.objects.filter(workspace=workspace).order_by("name", "pk")
    members = Membership.objects.filter(workspace=workspace, user__is_active=True).select_related("user").order_by("user__name", "user__email")
    of_clients = policies.clients
    match key:
        case "methods":
            forbidden = of_clients.forbidden_auth_methods
            return clients.allowing_any(forbidden), lambda client: _client(client, ", ".join(m for m in client.auth_methods if m in forbidden))
        case "secrets":
            return _late_secrets(workspace, policies, now=now), _secret
        case "tokens":
            limit = of_clients.max_token_lifetime or 0
            return clients.filter(token_lifetime__gt=limit), lambda client: _client(client, f"{client.token_lifetime:,} s")
        case "unused":
            days = of_clients.disable_unused_after_days
            rows = unused_clients(workspace, days=days, now=now) if days is not None and can_tell(days) else Client.objects.none()
            return rows, lambda client: _client(client, "")
        case "second_factor":
            return _without_second_factor(members), _member
        case "live_clients":
            writers = roles_from(Membership.Role.DEVELOPER)
            return members.filter(role__in=[role for role in writers if role not in roles_from(policies.live_clients_from)]), _member
        case _:
            return members, _member


def _client(client: Client, detail: str) -> PolicyRow:
    return PolicyRow(client.name, client.client_id, detail)


def _secret(secret: ClientSecret) -> PolicyRow:
    return PolicyRow(secret.client.name, secret.secret_id, "no expiry" if secret.expires_at is None else "", secret.expires_at)


def _member(membership: Membership) -> PolicyRow:
    user = membership.user
    return PolicyRow(user.shown_name, "" if user.shown_name == user.email else user.email, membership.get_role_display())


# The words for one, for several, and for the effect on them.
_WORDS: Mapping[str, tuple[str, str, str]] = {
    "methods": (
        "client allows a method that is no longer allowed",
        "clients allow a method that is no longer allowed",
        "From the next request on, they get no more tokens by that method. Their existing tokens stay valid until they expire.",
    ),
    "secrets": (
        "secret has no expiry, or expires later than a new one could",
        "secrets have no expiry, or expire later than a new one could",
        "They keep working. You can give them an expiry date, or rotate them one by one.",
    ),
    "tokens": (
        "client has a longer token lifetime than the policy allows",
        "clients have a longer token lifetime than the policy allows",
        "Their next tokens get the longest lifetime that is allowed. Nobody has to change anything.",
    ),
    "unused": (
        "client has been unused for longer than the policy allows",
        "clients have been unused for longer than the policy allows",
        "They are disabled within the hour and get no more tokens. Each can be enabled again.",
    ),
    "second_factor": (
        "member has no second factor",
        "members have no second factor",
        "They have to add one before they can do anything else here.",
    ),
    "sso": (
        "member can then sign in only with single sign-on",
        "members can then sign in only with single sign-on",
        "Passwords and passkeys no longer open this workspace.",
    ),
    "live_clients": (
        "member loses the right to create live clients",
        "members lose the right to create live clients",
        "They can still create test clients. Existing live clients stay as they are.",
    ),
}
