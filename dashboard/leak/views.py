"""Leak response: looks up the credentials in a pasted text, and revokes them."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import get_text_list

from dashboard.frame.confirmation import confirmed_when_sent
from dashboard.frame.context import zone_of
from dashboard.frame.fragments import render_page_or_fragment
from dashboard.instance import mail
from dashboard.leak import findings, reach, references, services, stopped, verdicts
from dashboard.leak.findings import Report
from dashboard.leak.forms import LeakForm
from dashboard.models import Membership
from dashboard.people import actors
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, find_able, may, member, who_can
from dashboard.people.quotas import may_list_found, refuse_look_up
from dashboard.people.refusal import Refusal

# The maximum number of references in a URL; of a longer list, only the first ones are named.
_MAX_IN_ADDRESS = 30
_BUSY = Refusal(503, 5, "Another long text is being searched. Try again in a few seconds, or paste only a part of yours.")


@member(Permission.VIEW)
def leak(request: HttpRequest, membership: Membership) -> HttpResponse:
    """POST looks up a text. GET with references, such as from an email, shows the named things."""
    now = timezone.now()
    if request.method == "POST" and "tell" in request.POST:
        return _tell(request, membership, now)
    form = LeakForm(request.POST, request.FILES, has_focus=False) if request.method == "POST" else LeakForm(has_focus="what" not in request.GET)
    context: dict[str, Any] = {"form": form}
    refusal = None
    if request.method == "POST":
        refusal = refuse_look_up(membership.user, now=now)
        if refusal is not None:
            form.add_error(None, refusal.text)
        elif form.is_valid():
            try:
                report = findings.look_up(form.cleaned_data["text"], workspace=membership.workspace, now=now)
            except findings.BusyError:
                refusal = _BUSY
                form.add_error(None, refusal.text)
            else:
                names_each = may_list_found(membership.user, len(report.findings), now=now)
                services.record_check(workspace=membership.workspace, report=report, names_each=names_each, actor=actor_of(request), now=now)
                masked = verdicts.mask(form.cleaned_data["text"])
                cleared = LeakForm(has_focus=False, initial={"leaked_secret": masked or ""})
                context = {**_show(request, membership, report, now), "form": cleared, "masked": masked, "looked_up_at": now}
    elif "what" in request.GET:
        referred = references.resolve(request.GET.getlist("what"), membership.workspace)
        context.update(_show(request, membership, findings.look_at(referred, now=now), now))
    response = render(request, "leak/leak.html", context)
    if refusal is not None:
        refusal.apply_to(response)
    # Even here, the Referer isn't left out completely, because Django's CSRF protection needs to know where a form came from.
    response["Referrer-Policy"] = "strict-origin"
    return response


def _show(request: HttpRequest, membership: Membership, report: Report, now: datetime) -> dict[str, Any]:
    zone = zone_of(request)
    endable = report.endable or [finding for finding in report.findings if finding.can_be_ended]
    finding = report.findings[0] if len(report.findings) == 1 and not report.foreign_private_keys else None
    made_by = "" if finding is None or finding.credential is None else finding.credential.created_by
    names = actors.find_names(membership.workspace, actors=[made_by], client_ids=[]) if made_by else None
    return {
        "report": report,
        "verdict": verdicts.judge_all(report, now=now, zone=zone),
        "finding": finding,
        "made_by": names and actors.describe(made_by, names),
        "today": now.date(),
        "reach": None if finding is None else reach.measure(finding, now=now),
        "parent": "" if finding is None or finding.token is None else references.refer_to_credential(finding.client, finding.credential_id),
        "rows": [(one, verdicts.judge(one, now=now, zone=zone)) for one in report.findings] if finding is None else [],
        "endable": endable,
        "endable_named": verdicts.count_things(endable),
        "may_end": may(membership, Permission.WRITE_CLIENTS),
        "helpers": "" if may(membership, Permission.WRITE_CLIENTS) else get_text_list(who_can(membership, Permission.WRITE_CLIENTS), "and"),
    }


def _tell(request: HttpRequest, membership: Membership, now: datetime) -> HttpResponse:
    """Tell them by email, with a link and without the secret."""
    workspace = membership.workspace
    what = request.POST.getlist("what")[:_MAX_IN_ADDRESS]
    found = findings.look_at(references.resolve(what, workspace), now=now).findings
    helpers = find_able(membership, Permission.WRITE_CLIENTS)
    url = _address("leak", membership, [finding.what for finding in found])
    if not found or not helpers:
        return redirect("leak", workspace.slug)
    if refusal := refuse_look_up(membership.user, now=now):
        messages.warning(request, refusal.text)
        return redirect(url)
    told = services.tell(helpers, found, url=url, workspace=workspace, by=membership.user, now=now)
    names = get_text_list([helper.user.shown_name for helper in told or helpers], "and")
    if mail.goes_to_files():
        messages.warning(request, f"This instance has no mail server yet, so {names} got no mail. Send them this page’s address.")
        return redirect(url)
    if told:
        messages.success(request, f"{names} got an email with a link to this page.")
    else:
        messages.info(request, f"{names} {'was' if len(helpers) == 1 else 'were'} already notified within the last hour.")
    return redirect(url)


def _address(name: str, membership: Membership, what: list[str]) -> str:
    query = QueryDict(mutable=True)
    query.setlist("what", what[:_MAX_IN_ADDRESS])
    return f"{reverse(name, args=[membership.workspace.slug])}?{query.urlencode()}"


@member(Permission.VIEW, post=Permission.WRITE_CLIENTS)
@confirmed_when_sent
def leak_stop(request: HttpRequest, membership: Membership) -> HttpResponse:
    """POST revokes the named things. GET shows the effect and the remaining tasks."""
    now = timezone.now()
    what = (request.POST if request.method == "POST" else request.GET).getlist("what")
    referred = references.resolve(what, membership.workspace)
    if request.method == "POST":
        if services.end_leaked(referred=referred, actor=actor_of(request), now=now):
            return redirect(_address("leak_stop", membership, what))
        messages.warning(request, "Nothing was revoked: what you named no longer exists.")
        return redirect("leak", membership.workspace.slug)
    outcome = stopped.read(referred, now=now)
    if outcome is None:
        return redirect(_address("leak", membership, what) if what else reverse("leak", args=[membership.workspace.slug]))
    context = {
        "stopped": outcome,
        "what": what[:_MAX_IN_ADDRESS],
        "ticked": set(request.GET.getlist("tick")),
        "tasks": stopped.list_tasks(outcome),
    }
    return render_page_or_fragment(request, "leak/stopped.html", "leak/stopped_verdict.html", context)
