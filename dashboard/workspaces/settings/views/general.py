"""Name and policies of a workspace: viewing, changing, and the report before a stricter policy is enforced."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings as django_settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from clients.models import Workspace
from clients.policy import MAX_LIFETIME_DAYS
from clients.services import secret_ends
from dashboard.frame.confirmation import confirmed_when_sent, require_confirmation
from dashboard.frame.credential_names import METHOD_SENTENCES
from dashboard.models import Membership
from dashboard.people import policies, quotas
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, may, member
from dashboard.people.policies import Policies
from dashboard.workspaces.settings import policy_report
from dashboard.workspaces.settings.forms import SecretEndsForm, SettingsForm
from dashboard.workspaces.settings.policy_report import Finding

# They are in the order of the report.
_KEYS = ("methods", "secrets", "tokens", "unused", "live_clients", "second_factor", "sso")
_DEFAULT_END_DAYS = 90


@member(Permission.VIEW, post=Permission.CHANGE_SETTINGS)
def settings(request: HttpRequest, membership: Membership) -> HttpResponse:
    """A stricter policy is shown in the report first; everything else is saved at once."""
    workspace = membership.workspace
    if request.method != "POST":
        return _show(request, membership, _fresh_form(workspace))
    form = _form(request.POST)
    if not form.is_valid():
        return _show(request, membership, _renewed(form, request.POST, workspace))
    present = Policies.of(workspace)
    if present.changed(form.cleaned_data).stricter_than(present):
        return redirect(f"{reverse('settings_preview', args=[workspace.slug])}?{form.as_query()}")
    return _save(request, membership, form)


@member(Permission.CHANGE_SETTINGS)
def settings_preview(request: HttpRequest, membership: Membership) -> HttpResponse:
    """GET shows the effect of the settings in the query, without changing anything; POST enforces them."""
    workspace = membership.workspace
    form = _form(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        return _show(request, membership, form)
    if request.method == "POST":
        return _save(request, membership, form)
    present = Policies.of(workspace)
    proposed = present.changed(form.cleaned_data)
    stricter = proposed.stricter_than(present)
    found = policy_report.report(workspace, proposed, _in_order(stricter), query=request.GET, now=timezone.now())
    context = {"form": form, "workspace": workspace, "changes": form.changes(policies.read_settings(workspace)), **_divide(found)}
    return render(request, "workspaces/settings/preview.html", context)


@member(Permission.VIEW, post=Permission.CHANGE_SETTINGS)
@confirmed_when_sent
def settings_report(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Lists the things that break the current policies. POST gives secrets an expiry date."""
    workspace, now = membership.workspace, timezone.now()
    present = Policies.of(workspace)
    longest = present.clients.max_secret_lifetime_days or MAX_LIFETIME_DAYS
    initial = {"days": present.clients.default_secret_lifetime_days or min(longest, _DEFAULT_END_DAYS)}
    form = SecretEndsForm(request.POST if request.method == "POST" else None, most=longest, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            count = secret_ends.give_ends(workspace=workspace, lifetime=timedelta(days=form.cleaned_data["days"]), actor=actor_of(request), now=now)
        except ValidationError as error:
            form.add_error("days", error)
        else:
            days = form.cleaned_data["days"]
            messages.success(request, f"{count:,} secret{'s' if count != 1 else ''} will expire in {days:,} day{'s' if days != 1 else ''}.")
            return redirect("settings_report", workspace.slug)
    found = policy_report.report(workspace, present, policy_report.in_force(present), query=request.GET, now=now)
    context = {"form": form, "workspace": workspace, "may_change": may(membership, Permission.CHANGE_SETTINGS), **_divide(found)}
    return render(request, "workspaces/settings/report.html", context)


def _form(data: Any, **options: Any) -> SettingsForm:
    return SettingsForm(data, has_sso=bool(django_settings.SSO_ISSUER), **options)


def _fresh_form(workspace: Workspace) -> SettingsForm:
    return _form(None, initial={**policies.read_settings(workspace), "seen": policies.fingerprint(workspace)})


def _renewed(form: SettingsForm, entered: QueryDict, workspace: Workspace) -> SettingsForm:
    """If we don't know which settings the entries were based on, they can be saved after another look."""
    if "seen" in form.errors:
        form.data = data = entered.copy()
        data["seen"] = policies.fingerprint(workspace)
    return form


def _save(request: HttpRequest, membership: Membership, form: SettingsForm) -> HttpResponse:
    workspace = membership.workspace
    values = {name: value for name, value in form.cleaned_data.items() if name in policies.FIELDS}
    present = Policies.of(workspace)
    proposed = present.changed(values)
    # Otherwise an unattended browser or a stolen session could admit sessions with weaker proof, weaken all of the workspace's clients, or stop them all.
    takes_proof = bool(present.stricter_than(proposed) or proposed.stricter_than(present))
    if takes_proof:
        require_confirmation(request)
    now = timezone.now()
    if refusal := quotas.refuse_edit(membership.user, takes_proof=takes_proof, now=now):
        form.add_error(None, refusal.text)
        return refusal.apply_to(_show(request, membership, form))
    try:
        policies.change_settings(workspace=workspace, values=values, seen=form.cleaned_data["seen"], actor=actor_of(request), now=now)
    except ValidationError as error:
        if getattr(error, "code", None) != "changed_meanwhile":
            form.add_errors_of(error)
            return _show(request, membership, form)
        messages.error(request, error.messages[0])
    else:
        messages.success(request, "Saved.")
    return redirect("settings", workspace.slug)


def _show(request: HttpRequest, membership: Membership, form: SettingsForm) -> HttpResponse:
    workspace = membership.workspace
    present = Policies.of(workspace)
    context = {
        "workspace": workspace,
        "policies": present,
        "methods": [(method, METHOD_SENTENCES[method]) for method in present.clients.allowed_auth_methods],
        "breaches": policy_report.count_breaches(workspace, present, now=timezone.now()),
        "form": form if may(membership, Permission.CHANGE_SETTINGS) else None,
        "sso_name": django_settings.SSO_NAME,
    }
    return render(request, "workspaces/settings/general.html", context)


def _in_order(keys: set[str]) -> Sequence[str]:
    return [key for key in _KEYS if key in keys]


def _divide(found: Sequence[Finding]) -> dict[str, Any]:
    return {"findings": [finding for finding in found if finding.count], "fine": [finding for finding in found if not finding.count]}
