"""Refuses other sessions in a workspace that requires single sign-on, for everybody or for members whose role came by it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import AccessPolicy, Membership
from dashboard.people.sso.record import find_record


def find_refusal(request: HttpRequest, membership: Membership, policy: AccessPolicy | None) -> HttpResponse | None:
    """The page for a session that the provider hasn't vouched for; None if the workspace may be opened."""
    is_policy = policy is not None and policy.requires_sso
    # A person whom the provider no longer lets in must not keep their role by setting a password here.
    if not (is_policy or membership.came_by_sso) or find_record(request) is not None:
        return None
    # The sent form is lost, so continue at a page and not at an address that only takes POST.
    next_url = request.get_full_path() if request.method in ("GET", "HEAD") else f"/w/{membership.workspace.slug}/"
    context = {"membership": membership, "workspace": membership.workspace, "is_policy": is_policy, "next_url": next_url, "is_on": bool(settings.SSO_ISSUER)}
    response = render(request, "account/sso_demanded.html", context, status=403)
    response["Cache-Control"] = "no-store"
    return response
