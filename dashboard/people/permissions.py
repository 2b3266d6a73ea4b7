"""Permissions: one vocabulary for pages, the API and commands.

Each view declares who may call it; a view that declares nothing is closed to everybody (AccessMiddleware).
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

# The session key for the slug of the last visited workspace, which the start page leads to. Membership is checked again there.
LAST_WORKSPACE = "workspace"


class Permission(Enum):
    """The value is the allowed act, in words that follow “can”."""

    VIEW = "see this workspace"
    WRITE_CLIENTS = "create and edit clients, and rotate and revoke their credentials"
    ADMINISTER_CLIENTS = "disable and delete clients"
    EXPORT_AUDIT = "export the audit log"
    SEE_HEALTH = "see the details of this instance’s health"
    CHANGE_SETTINGS = "change settings, scopes and audiences"
    MANAGE_MEMBERS = "invite people, change their roles and remove them"
    MANAGE_OWNERS = "add and remove owners"
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
    """Access to a view that isn't about one workspace."""

    ANYONE = "anyone"
    SIGNED_IN = "anybody who is signed in"
    INSTANCE_ADMIN = "administrators of the instance"


@dataclass(frozen=True, slots=True)
class WorkspaceAccess:
    """post: the permission for changes, if they need more than viewing."""

    permission: Permission
    post: Permission | None = None


View = TypeVar("View", bound=Callable[..., Any])


def may(membership: Membership, permission: Permission) -> bool:
    return _RANK[Role(membership.role)] >= _RANK[LEAST_ROLE[permission]]


def roles_up_to(role: str) -> list[Membership.Role]:
    """The given role and those below it."""
    return [other for other in Role if _RANK[other] <= _RANK[Role(role)]]


def roles_from(role: str) -> list[Membership.Role]:
    """The given role and those above it."""
    return [other for other in Role if _RANK[other] >= _RANK[Role(role)]]


def givable_roles(membership: Membership) -> list[Membership.Role]:
    """The roles that a member may give to others and take from them."""
    return roles_up_to(membership.role) if may(membership, Permission.MANAGE_MEMBERS) else []


class NotAllowedError(PermissionDenied):
    """A member lacks a permission. The page says who has it."""

    def __init__(self, membership: Membership, permission: Permission) -> None:
        super().__init__(permission.value)
        self.membership = membership
        self.permission = permission


def require(membership: Membership, permission: Permission) -> None:
    """Raise NotAllowedError."""
    if not may(membership, permission):
        raise NotAllowedError(membership, permission)


def act_with(request: HttpRequest, membership: Membership, permission: Permission) -> None:
    """Like require, now and again in the transaction of each change by request. Also raise Http404 if the membership is gone or the account is disabled."""
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
    """At most five members who have the permission."""
    roles = roles_from(LEAST_ROLE[permission])
    found = Membership.objects.filter(workspace=membership.workspace, role__in=roles, user__is_active=True)
    return list(found.select_related("user").order_by("user__name")[:5])


def who_can(membership: Membership, permission: Permission) -> list[str]:
    """The names of members who have the permission."""
    return [other.user.shown_name for other in find_able(membership, permission)]


def declare(access: Access | WorkspaceAccess, view: View) -> View:
    """Declare who may call a view that checks this itself."""
    view.access = access  # type: ignore[attr-defined]  # read by AccessMiddleware and the test of all routes
    return view


def anyone(view: View) -> View:
    return declare(Access.ANYONE, view)


def signed_in(view: View) -> View:
    """Sends strangers to the sign-in page and back."""

    @wraps(view)
    def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return cast(HttpResponse, view(request, *args, **kwargs))

    return cast(View, declare(Access.SIGNED_IN, check))


def find_refusal_of_administrator(request: HttpRequest) -> HttpResponse | None:
    """The page that a user with is_staff must open first, to set up a second factor. It is required if any workspace requires one, because an administrator can
    see every workspace. None if it isn't needed. Raise ReauthenticationRequired if the session hasn't proved the account's second factor.
    """
    user = cast(User, request.user)
    if has_proved_one(request):
        return None
    if has_strong(user):
        messages.info(request, "Administering the instance needs your second factor: a passkey or a code.")
        raise ReauthenticationRequired
    demanding = Workspace.objects.filter(access_policy__requires_second_factor=True).order_by("name").first()
    if demanding is None:
        return None
    who = f"{demanding.name} requires a second factor, including from this instance’s administrators."
    messages.warning(request, f"{who} Add a passkey or turn on one-time codes to open /admin/.")
    return redirect("mfa_index")


def _find_refusal_without_factor(request: HttpRequest, policy: AccessPolicy | None) -> HttpResponse | None:
    """A redirect to add a second factor, for a user without one in a workspace that requires it. None if it isn't needed.

    Raise ReauthenticationRequired if the session hasn't proved the account's second factor: the person in it may only know the password.
    """
    if policy is None or not policy.requires_second_factor or has_proved_one(request):
        return None
    demand = f"{policy.workspace.name} requires a second factor."
    if has_strong(cast(User, request.user)):
        messages.info(request, f"{demand} Use your passkey or a code to open it.")
        raise ReauthenticationRequired
    messages.warning(request, f"{demand} Add a passkey or turn on one-time codes to open it.")
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
    """A decorator for a workspace's view. The view is called with the user's Membership instead of the URL's slug; request.membership is the same.

    404 for non-members, as for a workspace that doesn't exist. 403 for a member whose role is too low. If the workspace requires a second factor that the
    session hasn't proved, the user is sent to prove or add one. If the workspace requires single sign-on, or the role came by it, other sessions are sent to
    the provider.
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
