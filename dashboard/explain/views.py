"""Explains why the request with a given ID failed; and tests a program's request, which isn't stored."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from clients.models import RecordedRequest
from clients.services import retention
from dashboard.audit import events as audit_events
from dashboard.audit import sentences
from dashboard.explain.examinations import Verdict, examine
from dashboard.explain.forms import CredentialTestForm, RequestIDForm
from dashboard.explain.request_rows import describe_requests
from dashboard.frame.context import zone_of
from dashboard.models import Membership, User
from dashboard.people import quotas
from dashboard.people.permissions import Permission, member

MAX = 50


@member(Permission.VIEW)
def explain(request: HttpRequest, membership: Membership) -> HttpResponse:
    """POST redirects to the URL with the ID. It is a POST so that a credential pasted by mistake never gets into a URL."""
    if request.method == "POST":
        form = RequestIDForm(request.POST)
        if form.is_valid():
            return redirect(f"{reverse('explain', args=[membership.workspace.slug])}?{urlencode(form.cleaned_data)}")
    else:
        form = RequestIDForm(request.GET if "request_id" in request.GET else None)
    found = _find(request, membership, form.cleaned_data["request_id"]) if form.is_bound and form.is_valid() else {}
    return _render(request, membership, {"form": form, "id_form": form, **found})


@sensitive_post_parameters()
@member(Permission.VIEW)
def credential_test(request: HttpRequest, membership: Membership) -> HttpResponse:
    if request.method != "POST":
        return redirect("explain", membership.workspace.slug)
    now = timezone.now()
    form = CredentialTestForm(request.POST)
    if not form.is_valid():
        return _render(request, membership, {"form": form, "test_form": form})
    assert isinstance(request.user, User)
    refusal = quotas.refuse_test(request.user, now=now)
    if refusal is not None:
        form.add_error("pasted_credential", refusal.text)
        return refusal.apply_to(_render(request, membership, {"form": form, "test_form": form}))
    verdict = examine(form.cleaned_data["pasted_credential"], address=form.cleaned_data["address"], to=membership, now=now)
    again = CredentialTestForm(initial={"address": form.cleaned_data["address"]})
    return _render(request, membership, {"test_form": again, "verdict": verdict})


def _render(request: HttpRequest, membership: Membership, context: dict[str, Any]) -> HttpResponse:
    verdict: Verdict | None = context.get("verdict")
    whole = {
        "workspace": membership.workspace,
        "id_form": RequestIDForm(),
        "test_form": CredentialTestForm(),
        "kept_days": retention.request_days(membership.workspace.request_retention_days),
        "client": verdict.client if verdict else None,
        **context,
    }
    response = render(request, "explain/explain.html", whole)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "strict-origin"
    return response


def _find(request: HttpRequest, membership: Membership, request_id: str) -> dict[str, Any]:
    workspace = membership.workspace
    requests = RecordedRequest.objects.filter(workspace=workspace, request_id=request_id, client__isnull=False).select_related("client")[:MAX]
    rows = describe_requests(requests, to=membership)
    events = sentences.describe(audit_events.of_workspace(workspace).filter(request_id=request_id).order_by("-pk")[:MAX], workspace)
    days = sentences.group(events, now=timezone.now(), zone=zone_of(request))
    return {"request_id": request_id, "rows": rows, "days": days, "is_found": bool(rows or events)}
