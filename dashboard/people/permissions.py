"""Who may do what: one vocabulary for pages, operations of the API and commands.

Each view declares beside itself who may call it; one that declares nothing is closed to everybody (AccessMiddleware).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial, wraps
from typing import Any, TypeVar, cast

from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from clients.models import Workspace
from dashboard.models import AccessPolicy, Membership, User
from dashboard.people.proved_factors import has_proved_one
from dashboard.people.second_factors import has_strong
from dashboard.people.sso.demand import find_refusal

Role = Membership.Role

# In the session: the slug of the workspace visited last, where the start page leads. Membership is asked again there.
LAST_WORKSPACE = "workspace"


class Permission(Enum):
    """Value: what it lets one do, to follow “can”."""

    VIEW = "see this workspace"
    WRITE_CLIENTS = "create and edit clients, and rotate and revoke their credentials"
    ADMINISTER_CLIENTS = "disable and delete clients"
    EXPORT_AUDIT = "export the audit log"
    SEE_HEALTH = "see the details of this instance’s health"
    CHANGE_SETTINGS = "change settings, scopes and audiences"
    MANAGE_MEMBERS = "invite people, change their roles and remove them"
    MANAGE_OWNERS = "make and unmake owners"
    CHANGE_RETENTION = "change how long things are kept"
    DELETE_WORKSPACE = "delete this workspace"


LEAST_ROLE = {
    Permission.VIEW: Role.VIEWER,
    Permission.WRITE_CLIENTS: Role.DEVELOPER,
    Permission.ADMINISTER_CLIENTS: Role.ADMIN,
    Permission.EXPORT_AUDIT: Role.ADMIN,
    Permission.SEE_HEALTH: Role.ADMIN,
    Permission.CHANGE_SETTINGS: Role.ADMIN,
    Permission.MANAGE_MEMBERS: Role.ADMIN,
    Permission.MANAGE_OWNERS: Role.OWNER,
    Permission.CHANGE_RETENTION: Role.OWNER,
    Permission.DELETE_WORKSPACE: Role.OWNER,
}
_RANK = {role: rank for rank, role in enumerate((Role.VIEWER, Role.DEVELOPER, Role.ADMIN, Role.OWNER))}


class Access(Enum):
    """Whom a view is for that isn't about one workspace."""

    ANYONE = "anyone"
    SIGNED_IN = "whoever is signed in"
    INSTANCE_ADMIN = "whoever administers the instance"


@dataclass(frozen=True, slots=True)
class WorkspaceAccess:
    """post: what changing takes, where that is more than what looking takes."""

    permission: Permission
    post: Permission | None = None


View = TypeVar("View", bound=Callable[..., Any])


def may(membership: Membership, permission: Permission) -> bool:
    return _RANK[Role(membership.role)] >= _RANK[LEAST_ROLE[permission]]


def roles_up_to(role: str) -> list[Membership.Role]:
    """Those that are at most as much."""
    return [other for other in Role if _RANK[other] <= _RANK[Role(role)]]


def roles_from(role: str) -> list[Membership.Role]:
    """Those that are at least as much."""
    return [other for other in Role if _RANK[other] >= _RANK[Role(role)]]


def givable_roles(membership: Membership) -> list[Membership.Role]:
    """Those that somebody may give to others, and take from them."""
    return roles_up_to(membership.role) if may(membership, Permission.MANAGE_MEMBERS) else []


class NotAllowedError(PermissionDenied):
    """A member lacks a permission: the page says who has it."""

    def __init__(self, membership: Membership, permission: Permission) -> None:
        super().__init__(permission.value)
        self.membership = membership
        self.permission = permission


def require(membership: Membership, permission: Permission) -> None:
    """Raise NotAllowedError."""
    if not may(membership, permission):
        raise NotAllowedError(membership, permission)


def act_with(request: HttpRequest, membership: Membership, permission: Permission) -> None:
    """As require, and again within the transaction of whatever request changes. Then also raise Http404, if the membership is gone or the account is off."""
    require(membership, permission)
    request.require_still = partial(_require_still, membership, permission)  # type: ignore[attr-defined]  # for actor_of


def _require_still(membership: Membership, permission: Permission, workspace: Workspace) -> None:
    if workspace.pk != membership.workspace_id:
        return
    present = Membership.objects.select_related("workspace", "user").filter(pk=membership.pk, user__is_active=True).first()
    if present is None:
        raise Http404
    require(present, permission)


def find_able(membership: Membership, permission: Permission) -> list[Membership]:
    """Those in the workspace who have it, at most five."""
    roles = roles_from(LEAST_ROLE[permission])
    found = Membership.objects.filter(workspace=membership.workspace, role__in=roles, user__is_active=True)
    return list(found.select_related("user").order_by("user__name")[:5])


def who_can(membership: Membership, permission: Permission) -> list[str]:
    """Their names."""
    return [other.user.shown_name for other in find_able(membership, permission)]


def declare(access: Access | WorkspaceAccess, view: View) -> View:
    """Declare for whom a view is that sees to it by itself."""
    view.access = access  # type: ignore[attr-defined]  # read by AccessMiddleware and the test of all routes
    return view


def anyone(view: View) -> View:
    return declare(Access.ANYONE, view)


def signed_in(view: View) -> View:
    """Leads strangers to the sign-in page and back."""

    @wraps(view)
    def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return cast(HttpResponse, view(request, *args, **kwargs))

    return cast(View, declare(Access.SIGNED_IN, check))


def find_refusal_of_administrator(request: HttpRequest) -> HttpResponse | None:
    """Where somebody with is_staff is led first: to set up a second factor where a workspace demands one of its people, for an administrator looks into
    every workspace. None where nothing is missing. Raise ReauthenticationRequired where the session didn't prove the one that the account has.
    """
    user = cast(User, request.user)
    if has_proved_one(request):
        return None
    if has_strong(user):
        messages.info(request, "Administering the instance takes your second factor: a passkey or a code.")
        raise ReauthenticationRequired
    demanding = Workspace.objects.filter(access_policy__requires_second_factor=True).order_by("name").first()
    if demanding is None:
        return None
    who = f"{demanding.name} demands a second factor, also of the people who administer this instance."
    messages.warning(request, f"{who} Add a passkey or turn on one-time codes, and /admin/ opens.")
    return redirect("mfa_index")


def _find_refusal_without_factor(request: HttpRequest, policy: AccessPolicy | None) -> HttpResponse | None:
    """The way to where one adds a second factor, for whoever has none in a workspace that demands one. None where nothing is missing.

    Raise ReauthenticationRequired where the session didn't prove the one that the account has: whoever holds it may know the password only.
    """
    if policy is None or not policy.requires_second_factor or has_proved_one(request):
        return None
    demand = f"{policy.workspace.name} demands a second factor."
    if has_strong(cast(User, request.user)):
        messages.info(request, f"{demand} Use your passkey or a code, and it opens.")
        raise ReauthenticationRequired
    messages.warning(request, f"{demand} Add a passkey or turn on one-time codes, and it opens.")
    return redirect("mfa_index")


def instance_admin(view: View) -> View:
    @wraps(view)
    def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not request.user.is_staff:
            raise PermissionDenied
        return find_refusal_of_administrator(request) or cast(HttpResponse, view(request, *args, **kwargs))

    return cast(View, declare(Access.INSTANCE_ADMIN, check))


def member(permission: Permission, *, post: Permission | None = None) -> Callable[[View], View]:
    """For a view of a workspace: called with the Membership of whoever asks instead of the URL's slug, which it also finds as request.membership.

    404 to whoever isn't a member, as for a workspace that isn't there. 403 to a member with too low a role. A session that hasn't proved a second factor, where
    the workspace demands one, is led to prove it, or to add one; a session that no single sign-on made, where the workspace opens by that only or the role came
    by it, to the provider.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def check(request: HttpRequest, workspace: str, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            membership = Membership.objects.select_related("workspace__access_policy", "user").filter(workspace__slug=workspace, user=request.user).first()
            if membership is None:
                raise Http404
            policy = getattr(membership.workspace, "access_policy", None)
            refusal = find_refusal(request, membership, policy)
            if refusal is not None:
                return refusal
            refusal = _find_refusal_without_factor(request, policy)
            if refusal is not None:
                return refusal
            request.membership = membership  # type: ignore[attr-defined]  # for the frame of the page, and the error page
            if request.session.get(LAST_WORKSPACE) != workspace:
                request.session[LAST_WORKSPACE] = workspace
            act_with(request, membership, permission if request.method in ("GET", "HEAD") or post is None else post)
            return cast(HttpResponse, view(request, membership, *args, **kwargs))

        return cast(View, declare(WorkspaceAccess(permission, post), check))

    return decorate
