"""A context processor for the frame of every page: theme, time zone, workspaces, navigation and the signed-in user."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from django.conf import settings
from django.db.models import Case, Count, IntegerField, Model, OuterRef, Subquery, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse

from clients.models import Client, Workspace
from dashboard.frame.fragments import is_fragment
from dashboard.frame.moment import find_zone
from dashboard.instance.mail import goes_to_files
from dashboard.models import Membership, User
from dashboard.people.permissions import LAST_WORKSPACE

MAX_SWITCHED = 100
THEMES = ("auto", "light", "dark")
THEME_COOKIE = "__Host-theme"
ZONE_COOKIE = "__Host-zone"


def theme_of(request: HttpRequest) -> str:
    theme = request.COOKIES.get(THEME_COOKIE, "auto")
    return theme if theme in THEMES else "auto"


def zone_of(request: HttpRequest) -> tzinfo:
    """The time zone of times on pages; UTC unless the browser chose another."""
    return find_zone(request.COOKIES.get(ZONE_COOKIE, "")) or UTC


def zone_name(zone: tzinfo) -> str:
    return getattr(zone, "key", "UTC")


def frame(request: HttpRequest) -> dict[str, Any]:
    """membership: in the page's workspace, or in the last visited one. memberships: for the switcher. section: the page's part of the navigation. has_mail:
    whether pages may promise mail.
    """
    context: dict[str, Any] = {
        "theme": theme_of(request),
        "zone_name": zone_name(zone_of(request)),
        "membership": None,
        "memberships": [],
        "host": request.get_host(),
        "has_mail": not goes_to_files(),
    }
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return context
    if is_fragment(request):
        # A fragment of a page has no frame.
        return {**context, "membership": getattr(request, "membership", None)}
    # It is less than SESSION_COOKIE_AGE if using the session no longer extends it.
    context["session_seconds"] = seconds = request.session.get_expiry_age()
    context["session_is_final"] = seconds < settings.SESSION_COOKIE_AGE
    membership = getattr(request, "membership", None)
    # Pages outside a workspace, such as the account's, keep a way back to the last visited one.
    slug = membership.workspace.slug if membership else request.session.get(LAST_WORKSPACE)
    context["memberships"] = memberships = list(_memberships_of(user, counting=slug))
    listed = next((other for other in memberships if other.workspace.slug == slug), None)
    membership = membership or listed
    if membership is not None:
        context["membership"] = membership
        counts = {"clients": listed.client_count, "members": listed.member_count} if listed else {}
        context["navigation"] = _navigation(request, membership.workspace, counts)
        context["section"] = next((item["page"] for item in context["navigation"] if item["is_current"]), None)
    return context


# The pages of a workspace: route name, words, icon, and the letter that follows G.
_OF_CLIENTS = (
    ("clients", "Clients", "key", "c"),
    ("usage", "Usage", "chart", "u"),
    ("audit", "Audit log", "list", "a"),
    ("leak", "Leak response", "siren", "l"),
    ("docs", "API and docs", "book", "d"),
)
_OF_WORKSPACE = (
    ("members", "Members", "users", "m"),
    ("settings", "Settings", "sliders", "s"),
    ("health", "Health", "pulse", "h"),
)


# Pages outside the navigation, by the name of the page in it that leads to them.
_BESIDE = {"clients": ("start", "explain", "hygiene")}


@dataclass(frozen=True, slots=True)
class Page:
    """key: the letter that follows G. heading: the text above it."""

    name: str
    label: str
    icon: str
    key: str
    url: str
    heading: str


def pages_of(workspace: Workspace) -> Iterator[Page]:
    """The pages in the navigation, in its order."""
    for heading, pages in (("", _OF_CLIENTS), ("Workspace", _OF_WORKSPACE)):
        for index, (name, label, icon, key) in enumerate(pages):
            yield Page(name, label, icon, key, reverse(name, args=[workspace.slug]), "" if index else heading)


def _navigation(request: HttpRequest, workspace: Workspace, counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """count: the number of things on the page, None if it isn't shown."""
    return [{"page": page, "count": counts.get(page.name), "is_current": _is_part_of(page, request.path, workspace)} for page in pages_of(workspace)]


def _is_part_of(page: Page, path: str, workspace: Workspace) -> bool:
    return path.startswith((page.url, *(reverse(name, args=[workspace.slug]) for name in _BESIDE.get(page.name, ()))))


def _memberships_of(user: User, *, counting: str | None) -> Any:
    """At most as many as the switcher lists. counting: the slug of the workspace whose clients and members are counted in the same query. In others, both
    counts are None.
    """

    def count(model: type[Model]) -> Case:
        rows = model._default_manager.filter(workspace=OuterRef("workspace")).order_by().values("workspace").values(count=Count("pk"))
        return Case(When(workspace__slug=counting or "", then=Coalesce(Subquery(rows), 0)), default=None, output_field=IntegerField())

    own = Membership.objects.filter(user=user).select_related("workspace").order_by("workspace__name", "workspace__slug")
    return own.annotate(client_count=count(Client), member_count=count(Membership))[:MAX_SWITCHED]
