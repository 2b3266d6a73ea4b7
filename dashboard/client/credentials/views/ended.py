"""Ends a credential: the page first says what breaks. The user only has to type its name if it is still in use."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import capfirst

from clients.models import AuditEvent, Client, ClientSecret
from clients.models.credentials import AnyCredential
from clients.overlap import find_overlaps
from clients.services.revocation import revoke
from clients.services.secret_ends import end_secret
from dashboard.client import impact
from dashboard.client.credentials import notices
from dashboard.client.credentials.forms.ended import RevocationForm, TypedForm
from dashboard.client.impact import Impact
from dashboard.frame.confirmation import confirmed_when_sent
from dashboard.frame.credential_names import call_credential, has_long_id
from dashboard.frame.entries import kept_over_sign_in
from dashboard.frame.found import find_client, find_credential
from dashboard.models import Membership
from dashboard.people import actors
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, member
from dashboard.people.recipients import about_contact


@kept_over_sign_in
@member(Permission.WRITE_CLIENTS)
@confirmed_when_sent
def credential_revoke(request: HttpRequest, membership: Membership, client_id: str, kind: type[AnyCredential], **name: str) -> HttpResponse:
    """Revoke it permanently, with its tokens. name: the ID, in the field that contains it."""
    client, now = find_client(membership, client_id, **about_contact()), timezone.now()
    credential = find_credential(kind, client, **name)
    if credential.revoked_at is not None:
        return render(request, "client/credentials/revoked.html", {**_describe(credential), **_tell_who(membership, credential)})
    found = impact.of_credential(credential, client=client, now=now)
    must_type = (client.name if has_long_id(credential) else str(credential)) if found.is_used or client.environment == Client.Environment.LIVE else ""
    form = RevocationForm(request.POST if request.method == "POST" else None, must_type=must_type)
    if request.method == "POST" and form.is_valid():
        try:
            revoke(kind, str(credential), client=client, actor=actor_of(request), now=now, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error("reason", error)
        else:
            return _go_back(request, credential, "revoked", f"{found.tokens:,} token{'s' if found.tokens > 1 else ''} ended with it." if found.tokens else "")
    return _ask(request, membership, credential, found, form, "revoke")


@kept_over_sign_in
@member(Permission.WRITE_CLIENTS)
@confirmed_when_sent
def secret_end(request: HttpRequest, membership: Membership, client_id: str, secret_id: str) -> HttpResponse:
    """The secret gets no more tokens, but its existing tokens stay valid. Typing is only required if it is in use: an unused secret needs one click."""
    client, now = find_client(membership, client_id, **about_contact()), timezone.now()
    secret = find_credential(ClientSecret, client, secret_id=secret_id)
    if not secret.is_usable(now):
        return show_fixed(request, secret, now)
    found = impact.of_credential(secret, client=client, now=now)
    form = TypedForm(request.POST if request.method == "POST" else None, must_type=secret_id if found.is_used else "")
    if request.method == "POST" and form.is_valid():
        try:
            end_secret(client=client, secret_id=secret_id, actor=actor_of(request), now=now)
        except ValidationError:
            raise Http404 from None
        living = f"{found.tokens:,} tokens stay valid until they expire." if found.tokens > 1 else "1 token stays valid until it expires."
        return _go_back(request, secret, "ended", living if found.tokens else "")
    return _ask(request, membership, secret, found, form, "end")


def show_fixed(request: HttpRequest, secret: ClientSecret, now: datetime) -> HttpResponse:
    """Say that there is no expiry date to move: it has passed, or there is none."""
    return render(request, "client/credentials/fixed.html", {"client": secret.client, "secret": secret, "is_usable": secret.is_usable(now)})


def _go_back(request: HttpRequest, credential: AnyCredential, done: str, tokens: str) -> HttpResponse:
    """done: “revoked” or “ended”. tokens: a sentence about its tokens, "" if none was valid."""
    name = _name(credential)
    messages.success(request, f"{capfirst(name) if has_long_id(credential) else name} {done}. {tokens or 'It had no valid tokens.'}")
    return redirect("client", credential.client.workspace.slug, credential.client.client_id)


def _ask(request: HttpRequest, membership: Membership, credential: AnyCredential, found: Impact, form: TypedForm, act: str) -> HttpResponse:
    client, now = credential.client, found.now
    secrets = [row for row in [credential, *found.others] if isinstance(row, ClientSecret)]
    context = {
        **_describe(credential),
        "form": form,
        "act": act,
        "now": now,
        "impact": found,
        "command": f"{act}_{credential.TARGET_TYPE}",
        "told": notices.say_told(client, is_urgent=found.is_used, by=membership.user, now=now),
        "is_last": credential.is_usable(now) and not found.others and not client.jwks_uri and not client.tls_subject,
        "is_in_overlap": credential.credential_id in find_overlaps(secrets, now),
    }
    return render(request, "client/credentials/ending.html", context)


def _describe(credential: AnyCredential) -> dict[str, Any]:
    return {"client": credential.client, "credential": credential, "name": _name(credential), "is_long": has_long_id(credential)}


def _name(credential: AnyCredential) -> str:
    """The name in the button and the message. A long ID isn't shown: a 43-character thumbprint would hide the verb."""
    return call_credential(credential) if has_long_id(credential) else str(credential)


def _tell_who(membership: Membership, credential: AnyCredential) -> dict[str, Any]:
    """If somebody was faster, say who. A kid is only unique within a client, so other clients' events are left out."""
    target_type = credential.TARGET_TYPE
    events = AuditEvent.objects.filter(workspace=membership.workspace, target_type=target_type, target_id=str(credential)[:254], event=f"{target_type}.revoked")
    event = next((event for event in events[:100] if event.after.get("client_id") == credential.client.client_id), None)
    if event is None:
        return {}
    names = actors.find_names(membership.workspace, actors=[event.actor], client_ids=[])
    return {"who": actors.describe(event.actor, names), "reason": event.after.get("reason", "")}
