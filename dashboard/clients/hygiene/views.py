"""Lists what should be tidied up among a workspace's clients, and does it."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from clients.hygiene import NARROWED, Kind, count_all, find, narrow
from clients.services.hygiene import fix
from dashboard.clients.hygiene.words import WORDS, say_change
from dashboard.frame.confirmation import confirmed_when_sent
from dashboard.frame.context import zone_of
from dashboard.frame.entries import kept_over_sign_in
from dashboard.models import Membership
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, act_with, may, member

PAGE = 50


@member(Permission.VIEW)
def hygiene(request: HttpRequest, membership: Membership) -> HttpResponse:
    counts = count_all(membership.workspace, now=timezone.now())
    findings = [(kind.value, WORDS[kind], count) for kind, count in counts.items()]
    context = {
        "bad": [finding for finding in findings if finding[2]],
        "good": [finding for finding in findings if not finding[2]],
    }
    return render(request, "clients/hygiene/list.html", context)


@kept_over_sign_in
@member(Permission.VIEW, post=Permission.WRITE_CLIENTS)
@confirmed_when_sent
def hygiene_fix(request: HttpRequest, membership: Membership, page: str) -> HttpResponse:
    """GET shows exactly what would change; POST changes the ticked rows, or all."""
    if page not in Kind.values:
        raise Http404
    kind, workspace, error = Kind(page), membership.workspace, ""
    words = WORDS[kind]
    if request.method == "POST":
        act_with(request, membership, words.permission)
        is_all = "all" in request.POST
        rows = [int(value) for value in request.POST.getlist("row") if value.isascii() and value.isdigit() and len(value) < 19]
        if rows or is_all:
            now = timezone.now()
            count = fix(kind, workspace=workspace, rows=None if is_all else rows[:PAGE], actor=actor_of(request), now=now)
            messages.success(request, f"{kind.count_things(count)} {words.done}." if count else "Nothing left to change: somebody else was faster.")
            return redirect("hygiene", workspace.slug)
        error = f"Select at least one {kind.thing}."
    shown = Paginator(_select(kind, membership), PAGE).get_page(request.GET.get("page"))
    context = {
        "kind": kind.value,
        "words": words,
        "page": shown,
        "rows": _describe(request, kind, membership, shown),
        "error": error,
        "may_fix": may(membership, words.permission),
        "is_of_secrets": kind.is_of_secrets,
        "is_of_code": kind in NARROWED,
        "things": f"{kind.thing}s",
        "all_named": kind.count_things(shown.paginator.count),
        "permission": words.permission.name,
        "act": f"{words.act[0].lower()}{words.act[1:]} {kind.thing}s here",
    }
    return render(request, "clients/hygiene/fix.html", context)


def _select(kind: Kind, membership: Membership) -> Any:
    found = find(kind, membership.workspace, now=timezone.now())
    return found.select_related("client") if kind.is_of_secrets else found.select_related("activity")


def _describe(request: HttpRequest, kind: Kind, membership: Membership, shown: Page[Any]) -> list[dict[str, Any]]:
    now, zone = timezone.now(), zone_of(request)
    rows = list(shown.object_list)
    left = narrow(kind, rows, now=now) if kind in NARROWED else {}
    described = []
    for row in rows:
        before, after = say_change(kind, row, workspace=membership.workspace, left=left, now=now, zone=zone)
        client = row.client if kind.is_of_secrets else row
        last_used_at = row.last_used_at if kind.is_of_secrets else row.activity.last_used_at
        described.append({"row": row, "client": client, "last_used_at": last_used_at, "before": before, "after": after})
    return described
