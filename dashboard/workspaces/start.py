"""First run: shows the next step until a workspace has its own client."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.frame.snippets import TokenRequest, curl, highlight
from dashboard.frame.snippets.token_request import SECRET, server_ca
from dashboard.models import Membership
from dashboard.people.permissions import Permission, may, member, who_can
from dashboard.workspaces.first_run import find_demo_client, tasks_before_live


@member(Permission.VIEW)
def start(request: HttpRequest, membership: Membership) -> HttpResponse:
    example = TokenRequest("CLIENT_ID", SECRET, secret="CLIENT_SECRET", issuer=settings.ISSUER_URL, ca=server_ca())  # noqa: S106  # a placeholder
    may_create = may(membership, Permission.WRITE_CLIENTS)
    context = {
        "workspace": membership.workspace,
        "may_create": may_create,
        "creators": () if may_create else who_can(membership, Permission.WRITE_CLIENTS),
        "demo": find_demo_client(membership),
        "tasks": tasks_before_live(membership),
        "example": highlight(curl.write(example), "curl"),
    }
    return render(request, "workspaces/start.html", context)
