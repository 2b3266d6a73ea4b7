"""Changes a client. Before saving, the page says which uses would be refused, and what somebody else changed meanwhile."""

import hashlib
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from clients.lost_uses import LostUse, find_lost_uses
from clients.models import Client
from clients.services.client_changes import find_changes_since, fingerprint, propose, read_fields, update_client
from clients.services.usability import find_methods_without_credentials
from clients.usage_report import count_living_tokens
from dashboard.client.fields import describe_scope_picker
from dashboard.client.overview import ask_standing
from dashboard.client.settings.changes import find_clashes, merge, say_changes, say_fields, say_saved
from dashboard.client.settings.forms import ClientSettingsForm, with_entries
from dashboard.frame.confirmation import require_confirmation
from dashboard.frame.entries import kept_over_sign_in
from dashboard.frame.found import find_client
from dashboard.frame.fragments import is_fragment
from dashboard.frame.snippets.highlighting import highlight
from dashboard.frame.snippets.same_command import write_update
from dashboard.models import Membership
from dashboard.people import quotas
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, may, member

# Fields that only describe a client. Changing any other may allow more, stop a program (perhaps one that runs once a month), or redirect notices of leaks.
_DESCRIBES = {"name", "description", "tags"}


@kept_over_sign_in
@member(Permission.VIEW, post=Permission.WRITE_CLIENTS)
def client_settings(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    """POST saves, unless recent uses would be refused: then these are shown first. The script uses POST to get only the summary."""
    client = find_client(membership, client_id)
    if request.method != "POST":
        return _show(request, membership, client, ClientSettingsForm(client=client))
    form = ClientSettingsForm(request.POST, client=client)
    if "seen" in form.errors and not is_fragment(request):
        return _show_unseen(request, membership, client)
    changes, lost = _read(form, client)
    if is_fragment(request):
        return _summarize(request, client, form, changes, lost)
    if form.is_valid() and form.cleaned_data["seen"] != fingerprint(client):
        return _show_meanwhile(request, membership, client, form)
    if not form.is_valid() or "edit" in request.POST:
        return _show(request, membership, client, form, changes, lost)
    agreed = _digest(lost)
    if lost and request.POST.get("agreed") != agreed:
        said = say_changes(read_fields(client), changes)
        return render(request, "client/settings/lost.html", {"client": client, "form": form, "changes": said, "lost": lost, "agreed": agreed})
    takes_proof = not _DESCRIBES.issuperset(changes)
    if takes_proof:
        require_confirmation(request)
    if changes and (refusal := quotas.refuse_edit(membership.user, takes_proof=takes_proof, now=timezone.now())):
        form.add_error(None, refusal.text)
        return refusal.apply_to(_show(request, membership, client, form, changes, lost))
    return _save(request, membership, client, form)


def _read(form: ClientSettingsForm, client: Client) -> tuple[dict[str, Any], list[LostUse]]:
    """The changes, and the uses that they would refuse; both empty if the form is invalid."""
    if not form.is_valid():
        return {}, []
    try:
        changes = propose(client, **form.values())
    except ValidationError as error:
        form.add_errors_of(error)
        return {}, []
    return changes, find_lost_uses(client, changes, now=timezone.now())


def _digest(lost: Sequence[LostUse]) -> str:
    """A digest of the user's consent, without the numbers, because these may grow meanwhile."""
    return hashlib.sha256(repr([(use.kind, use.thing) for use in lost]).encode()).hexdigest()[:16]


def _save(request: HttpRequest, membership: Membership, client: Client, form: ClientSettingsForm) -> HttpResponse:
    now = timezone.now()
    try:
        changed = update_client(client=client, seen=form.cleaned_data["seen"], actor=actor_of(request), now=now, **form.values())
    except ValidationError as error:
        if getattr(error, "code", None) == "changed_meanwhile":
            return _show_meanwhile(request, membership, find_client(membership, client.client_id), form)
        form.add_errors_of(error)
        return _show(request, membership, client, form)
    said = say_saved(changed.after, living_tokens=count_living_tokens(client, now=now))
    (messages.success if changed.after else messages.info)(request, said)
    return redirect("client_settings", membership.workspace.slug, client.client_id)


def _show_meanwhile(request: HttpRequest, membership: Membership, client: Client, form: ClientSettingsForm) -> HttpResponse:
    """The form with the other person's changes merged in and listed. If the audit log no longer has them, the form with the current state."""
    meanwhile = find_changes_since(client, form.cleaned_data["seen"])
    if meanwhile is None:
        fresh = with_entries(client, read_fields(client))
        fresh.add_error(None, "This page is too old to show what others have changed. It shows the client’s current state: enter your changes again.")
        return _show(request, membership, client, fresh)
    merged = with_entries(client, merge(client, form.plain_values(), meanwhile))
    changes, lost = _read(merged, client)
    merged.add_error(None, "Somebody else changed this client while you were editing. Your entries are kept: check them and save again.")
    return _show(request, membership, client, merged, changes, lost, clashes=find_clashes(client, form.plain_values(), meanwhile))


def _show_unseen(request: HttpRequest, membership: Membership, client: Client) -> HttpResponse:
    """If we don't know which state of the client the user edited, show their entries beside the current state, to be saved after a check."""
    data = request.POST.copy()
    data["seen"] = fingerprint(client)
    again = ClientSettingsForm(data, client=client)
    changes, lost = _read(again, client)
    again.add_error(None, "This page was open too long. Your entries are kept: check what they change and save again.")
    return _show(request, membership, client, again, changes, lost)


def _summarize(request: HttpRequest, client: Client, form: ClientSettingsForm, changes: dict[str, Any], lost: Sequence[LostUse]) -> HttpResponse:
    context = {"client": client, "form": form, "changes": say_changes(read_fields(client), changes), "lost": lost, "command": _command(client, changes)}
    response = render(request, "client/settings/summary.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _command(client: Client, changes: dict[str, Any]) -> str:
    return highlight(write_update(client, changes), "curl")


def _show(
    request: HttpRequest,
    membership: Membership,
    client: Client,
    form: ClientSettingsForm,
    changes: dict[str, Any] | None = None,
    lost: Sequence[LostUse] = (),
    **more: Any,
) -> HttpResponse:
    now = timezone.now()
    context = {
        "client": client,
        "standing": ask_standing(client, now=now),
        "tab": "settings",
        "form": form if may(membership, Permission.WRITE_CLIENTS) else None,
        "may_administer": may(membership, Permission.ADMINISTER_CLIENTS),
        "facts": say_fields(read_fields(client)),
        "workspace": client.workspace,
        **describe_scope_picker(form["scopes"], client.workspace),
        "missing": find_methods_without_credentials(client, now=now),
        "changes": say_changes(read_fields(client), changes or {}),
        "lost": lost,
        "command": _command(client, changes or {}),
        **more,
    }
    return render(request, "client/settings/page.html", context)
