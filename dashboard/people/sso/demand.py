"""What a workspace that opens by single sign-on only, to everybody or to whoever got a role by it, does with other sessions."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import AccessPolicy, Membership
from dashboard.people.sso.record import find_record


def find_refusal(request: HttpRequest, membership: Membership, policy: AccessPolicy | None) -> HttpResponse | None:
    """The page that says so, for a session that the provider hasn't vouched for; None where the workspace opens."""
    is_policy = policy is not None and policy.requires_sso
    # Whoever the provider shuts out mustn't keep its role by setting a password here.
    if not (is_policy or membership.came_by_sso) or find_record(request) is not None:
        return None
    # What was sent is lost, so it goes on at a page and not at a form that takes a POST only.
    next_url = request.get_full_path() if request.method in ("GET", "HEAD") else f"/w/{membership.workspace.slug}/"
    context = {"membership": membership, "workspace": membership.workspace, "is_policy": is_policy, "next_url": next_url, "is_on": bool(settings.SSO_ISSUER)}
    response = render(request, "account/sso_demanded.html", context, status=403)
    response["Cache-Control"] = "no-store"
    return response
