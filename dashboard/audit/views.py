"""A workspace's audit log: changes by people, clients, commands and TokenOS itself."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from clients.models import AuditEvent
from clients.services import audit_export, retention
from dashboard.audit import events as audit_events
from dashboard.audit import exports, sentences
from dashboard.audit.forms import AuditFilterForm
from dashboard.frame.confirmation import confirmed_when_sent
from dashboard.frame.context import zone_of
from dashboard.frame.fragments import render_page_or_fragment
from dashboard.frame.pasted import drop_credentials
from dashboard.models import Membership
from dashboard.people import quotas
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, may, member

MAX_RELATED = 20
# The URL parameters of filters; the others are for paging.
_FILTERS = ("q", "person", "action", "client", "address", "period", "since", "until")


@member(Permission.VIEW)
def audit(request: HttpRequest, membership: Membership) -> HttpResponse:
    if (without := drop_credentials(request, request.GET, _FILTERS, path=request.path)) is not None:
        return without
    form = _read_form(request, membership)
    found = audit_events.find(membership.workspace, form.filters)
    page = audit_events.paginate(found, after=request.GET.get("after", ""), before=request.GET.get("before", ""))
    days = sentences.group(sentences.describe(page.events, membership.workspace), now=form.now, zone=form.zone)
    counted = audit_events.count(found) if page.newer or page.older else len(page.events)
    context = {
        "form": form,
        "page": page,
        "days": days,
        "count": _say_count(counted),
        "chips": _chips(request, form),
        "kept": [(name, value) for name in _FILTERS if (value := request.GET.get(name, ""))],
        "kept_days": retention.audit_days(membership.workspace.audit_retention_days),
        "gone_before": _gone_before(form, membership),
        "may_export": may(membership, Permission.EXPORT_AUDIT),
    }
    return render_page_or_fragment(request, "audit/log.html", "audit/log_list.html", context)


def _read_form(request: HttpRequest, membership: Membership) -> AuditFilterForm:
    """The export has its filters in the body; the page has them in its URL."""
    form = AuditFilterForm(request.POST if request.method == "POST" else request.GET, workspace=membership.workspace, zone=zone_of(request), now=timezone.now())
    form.is_valid()
    return form


def _say_count(count: int) -> str:
    if count > audit_events.MAX_COUNTED:
        return f"More than {audit_events.MAX_COUNTED:,} events"
    return f"{count:,} event{'s' if count != 1 else ''}"


def _query(request: HttpRequest, *, without: str = "") -> str:
    """The filters as a query string that begins with “?”; "" for none."""
    kept = request.GET.copy()
    for name in set(kept) - set(_FILTERS) | {without}:
        kept.pop(name, None)
    encoded = kept.urlencode()
    return f"?{encoded}" if encoded else ""


def _chips(request: HttpRequest, form: AuditFilterForm) -> list[tuple[str, str]]:
    """The active filters except the period, in words, each with the link to the list without it."""
    cleaned, people, acts = form.cleaned_data, dict(form.people), dict(form.actions)
    said = {
        "q": f"“{cleaned.get('q')}”",
        "person": f"Who: {people.get(cleaned.get('person', ''), cleaned.get('person'))}",
        "action": f"Action: {acts.get(cleaned.get('action', ''), cleaned.get('action'))}",
        "address": f"From: {cleaned.get('address')}",
    }
    chips = [(text, _query(request, without=name) or "?") for name, text in said.items() if cleaned.get(name)]
    if client := cleaned.get("client"):
        chips.append((f"Client: {sentences.name_of(client, form.workspace)}", _query(request, without="client") or "?"))
    return chips


def _gone_before(form: AuditFilterForm, membership: Membership) -> Any:
    """The time before which events have been deleted, if the filter asks for earlier ones."""
    since = form.filters.since
    kept_since = retention.audit_kept_since(membership.workspace, now=form.now)
    return kept_since if since is not None and since < kept_since else None


@member(Permission.VIEW)
def audit_event(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    found = AuditEvent.objects.filter(workspace=membership.workspace, pk=pk).first() if pk < 2**63 else None
    if found is None:
        raise Http404
    zone, now = zone_of(request), timezone.now()
    begins = found.created_at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    same_request = list(audit_events.of_request(found, membership.workspace).order_by("-pk")[:MAX_RELATED])
    same_day = list(audit_events.by_person_on_day(found, membership.workspace, begins=begins).order_by("-pk")[:MAX_RELATED])
    described = sentences.describe([found, *same_request, *same_day], membership.workspace)
    related = described[1 : 1 + len(same_request)], described[1 + len(same_request) :]
    context = {
        "row": described[0],
        "fields": sentences.fields_of(found),
        "of_request": sentences.group(related[0], now=now, zone=zone),
        "of_day": sentences.group(related[1], now=now, zone=zone),
        "address_query": f"?address={found.address}&period=all" if found.address else "",
    }
    return render(request, "audit/event.html", context)


@member(Permission.EXPORT_AUDIT)
@confirmed_when_sent
def audit_csv(request: HttpRequest, membership: Membership) -> HttpResponseBase:
    return _export(request, membership, "csv", exports.csv_response)


@member(Permission.EXPORT_AUDIT)
@confirmed_when_sent
def audit_json(request: HttpRequest, membership: Membership) -> HttpResponseBase:
    return _export(request, membership, "json", exports.json_lines_response)


def _export(request: HttpRequest, membership: Membership, kind: str, answer: Callable[[str, audit_events.Events], HttpResponseBase]) -> HttpResponseBase:
    """POST only, because exports are recorded; any other method leads to the page with the same filters."""
    workspace = membership.workspace
    if request.method != "POST":
        return redirect(reverse("audit", args=[workspace.slug]) + _query(request))
    if (without := drop_credentials(request, request.POST, _FILTERS, path=reverse("audit", args=[workspace.slug]))) is not None:
        return without
    form = _read_form(request, membership)
    if refusal := quotas.refuse_export(membership.user, now=form.now):
        messages.warning(request, refusal.text)
        return redirect("audit", workspace.slug)
    # Leave out events that are added meanwhile, such as the export's own.
    found = audit_events.up_to_now(audit_events.find(workspace, form.filters))
    asked = {name: value for name in _FILTERS if name in form.cleaned_data and (value := request.POST.get(name, ""))}
    audit_export.record_export(workspace=workspace, kind=kind, filters=asked, events=found.count(), actor=actor_of(request), now=form.now)
    return answer(f"audit-{form.now:%Y-%m-%d}.{kind}", found.order_by("-pk"))
