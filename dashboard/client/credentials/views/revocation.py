"""Ending a credential for ever: what breaks is said first, and typed is only what something still depends on."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from clients.models import AuditEvent, Client, ClientCertificate, ClientPublicKey, ClientSecret
from clients.models.credentials import Credential
from clients.overlap import find_overlaps
from clients.services.certificates import revoke_certificate
from clients.services.public_keys import revoke_public_key
from clients.services.secrets import revoke_secret
from dashboard.client import impact
from dashboard.client.credentials import notices
from dashboard.client.credentials.forms.ended import RevocationForm
from dashboard.frame.confirmation import confirmed_when_sent
from dashboard.frame.entries import kept_over_sign_in
from dashboard.frame.found import find_certificate, find_client, find_public_key, find_secret
from dashboard.models import Membership
from dashboard.people import actors
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, member
from dashboard.people.recipients import about_contact

# What is longer nobody types, and it is no heading: for the first the client's name stands.
_LONG = 24
_KINDS: dict[type[Credential], tuple[str, str]] = {
    ClientSecret: ("secret", "secret"),
    ClientPublicKey: ("public key", "public_key"),
    ClientCertificate: ("certificate", "certificate"),
}


class _Revoke(Protocol):
    def __call__(self, *, actor: Any, now: Any, reason: str) -> Credential: ...


@kept_over_sign_in
@member(Permission.WRITE_CLIENTS)
@confirmed_when_sent
def secret_revoke(request: HttpRequest, membership: Membership, client_id: str, secret_id: str) -> HttpResponse:
    client = find_client(membership, client_id, **about_contact())
    find = partial(find_secret, client, secret_id)
    return _revoke(request, membership, client, find, partial(revoke_secret, client=client, secret_id=secret_id))


@kept_over_sign_in
@member(Permission.WRITE_CLIENTS)
@confirmed_when_sent
def key_revoke(request: HttpRequest, membership: Membership, client_id: str, kid: str) -> HttpResponse:
    client = find_client(membership, client_id, **about_contact())
    find = partial(find_public_key, client, kid)
    return _revoke(request, membership, client, find, partial(revoke_public_key, client=client, kid=kid))


@kept_over_sign_in
@member(Permission.WRITE_CLIENTS)
@confirmed_when_sent
def certificate_revoke(request: HttpRequest, membership: Membership, client_id: str, thumbprint: str) -> HttpResponse:
    client = find_client(membership, client_id, **about_contact())
    find = partial(find_certificate, client, thumbprint)
    return _revoke(request, membership, client, find, partial(revoke_certificate, client=client, thumbprint=thumbprint))


def _revoke(request: HttpRequest, membership: Membership, client: Client, find: Callable[[], Credential], revoke: _Revoke) -> HttpResponse:
    credential, now = find(), timezone.now()
    kind, target_type = _KINDS[type(credential)]
    is_long = len(str(credential)) > _LONG
    context = {"client": client, "credential": credential, "kind": kind, "name": _name(credential), "is_long": is_long, "now": now}
    if credential.revoked_at is not None:
        return render(request, "client/credentials/revoked.html", {**context, **_tell_who(membership, client, credential, target_type)})
    found = impact.of_credential(credential, client=client, now=now)
    needs_typing = found.is_used or client.environment == Client.Environment.LIVE
    typed = client.name if is_long else str(credential)
    form = RevocationForm(request.POST if request.method == "POST" else None, must_type=typed if needs_typing else "")
    if request.method == "POST" and form.is_valid():
        try:
            revoke(actor=actor_of(request), now=now, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error("reason", error)
        else:
            ended = f"{found.tokens:,} token{'s' if found.tokens != 1 else ''} ended with it" if found.tokens else "No token was alive"
            name = _name(credential)
            messages.success(request, f"{name[:1].upper() if is_long else name[:1]}{name[1:]} ended. {ended}.")
            return redirect("client", membership.workspace.slug, client.client_id)
    secrets = [row for row in [credential, *found.others] if isinstance(row, ClientSecret)]
    context |= {
        "form": form,
        "impact": found,
        "command": f"revoke_{target_type}",
        "told": notices.say_told(client, is_red=found.is_used, by=membership.user, now=now),
        "is_last": credential.is_usable(now) and not found.others and not client.jwks_uri and not client.tls_subject,
        "is_in_overlap": credential.credential_id in find_overlaps(secrets, now),
    }
    return render(request, "client/credentials/revoke.html", context)


def _name(credential: Credential) -> str:
    """What the button and the note call it: 43 characters of a thumbprint would hide the verb."""
    if len(str(credential)) <= _LONG:
        return str(credential)
    kind, _ = _KINDS[type(credential)]
    return f"{kind} {credential.name}".strip()


def _tell_who(membership: Membership, client: Client, credential: Credential, target_type: str) -> dict[str, Any]:
    """Somebody was faster: who it was. A kid names a key of one client only, so the events of others are left out."""
    events = AuditEvent.objects.filter(workspace=membership.workspace, target_type=target_type, target_id=str(credential)[:254], event=f"{target_type}.revoked")
    event = next((event for event in events[:100] if event.after.get("client_id") == client.client_id), None)
    if event is None:
        return {}
    names = actors.find_names(membership.workspace, actors=[event.actor], client_ids=[])
    return {"who": actors.describe(event.actor, names), "reason": event.after.get("reason", "")}
