"""The retention of a workspace's requests and audit events."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from clients.models import Workspace
from clients.services import retention as retention_services
from clients.services.workspaces import change_workspace
from dashboard.frame.confirmation import confirmed_when_sent
from dashboard.models import Membership
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, may, member
from dashboard.workspaces.settings.forms import RetentionForm


@member(Permission.VIEW, post=Permission.CHANGE_RETENTION)
def retention(request: HttpRequest, membership: Membership) -> HttpResponse:
    """POST leads to the preview, which says how many rows would be deleted."""
    workspace = membership.workspace
    form = RetentionForm(request.POST if request.method == "POST" else None, initial=_present(workspace))
    if request.method == "POST" and form.is_valid():
        query = urlencode({name: "" if value is None else value for name, value in form.cleaned_data.items()})
        return redirect(f"{reverse('retention_preview', args=[workspace.slug])}?{query}")
    return _show(request, membership, form)


@member(Permission.CHANGE_RETENTION)
@confirmed_when_sent
def retention_preview(request: HttpRequest, membership: Membership) -> HttpResponse:
    """GET shows the effect of the days in the query, without changing anything; POST saves them."""
    workspace, now = membership.workspace, timezone.now()
    form = RetentionForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        return _show(request, membership, form)
    if request.method == "POST":
        try:
            change_workspace(workspace=workspace, actor=actor_of(request), now=now, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error.messages)
            return _show(request, membership, form)
        messages.success(request, "Saved. Older data is deleted within the hour.")
        return redirect("retention", workspace.slug)
    failed_days = retention_services.request_days(form.cleaned_data["request_retention_days"])
    audit_days = retention_services.audit_days(form.cleaned_data["audit_retention_days"])
    context = {
        "workspace": workspace,
        "form": form,
        "failed_days": failed_days,
        "audit_days": audit_days,
        "failed_count": retention_services.count_requests(workspace, older_than_days=failed_days, now=now),
        "audit_count": retention_services.count_audit_events(workspace, older_than_days=audit_days, now=now),
    }
    return render(request, "workspaces/settings/retention_preview.html", context)


def _present(workspace: Workspace) -> dict[str, Any]:
    return {name: getattr(workspace, name) for name in RetentionForm.base_fields}


def _show(request: HttpRequest, membership: Membership, form: RetentionForm) -> HttpResponse:
    workspace = membership.workspace
    context = {
        "workspace": workspace,
        "form": form if may(membership, Permission.CHANGE_RETENTION) else None,
        "failed_days": retention_services.request_days(workspace.request_retention_days),
        "audit_days": retention_services.audit_days(workspace.audit_retention_days),
        "instance_failed_days": settings.REQUEST_RETENTION_DAYS,
        "instance_audit_days": settings.AUDIT_RETENTION_DAYS,
    }
    return render(request, "workspaces/settings/retention.html", context)
