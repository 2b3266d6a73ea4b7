"""Adds public keys and certificates to a client: the pasted ones are shown first."""

from collections.abc import Callable, Sequence

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from clients.models import ClientCertificate, ClientPublicKey
from clients.models.credentials import AnyCredential
from clients.services.certificates import add_certificates
from clients.services.public_keys import add_public_keys
from dashboard.client.credentials.forms.added import CertificatesForm, PublicKeysForm
from dashboard.frame.confirmation import require_confirmation
from dashboard.frame.context import zone_of
from dashboard.frame.entries import kept_over_sign_in
from dashboard.frame.found import find_client
from dashboard.frame.fragments import render_page_or_fragment
from dashboard.frame.typography import messages_of
from dashboard.models import Membership
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, member

_ADD: dict[type[AnyCredential], Callable[..., Sequence[AnyCredential]]] = {ClientPublicKey: add_public_keys, ClientCertificate: add_certificates}


@kept_over_sign_in
@member(Permission.WRITE_CLIENTS)
def credential_new(request: HttpRequest, membership: Membership, client_id: str, make_form: type[PublicKeysForm] | type[CertificatesForm]) -> HttpResponse:
    """POST shows the pasted keys or certificates, also as a fragment; the button ADD adds them."""
    client, now = find_client(membership, client_id), timezone.now()
    is_sent = request.method == "POST"
    form = make_form(request.POST if is_sent else None, request.FILES if is_sent else None, client=client, now=now, zone=zone_of(request))
    if is_sent and form.is_valid() and form.is_adding:
        # A valid form contains no private key.
        require_confirmation(request, holds_no_secret=True)
        try:
            added = _ADD[form.kind](client=client, actor=actor_of(request), now=now, **form.values())
        except ValidationError as error:
            form.add_error(form.pasted, messages_of(error))
        else:
            messages.success(request, _say(added))
            return redirect("client", membership.workspace.slug, client.client_id)
    part = f"client/credentials/{form.kind.TARGET_TYPE}"
    context = {"client": client, "form": form, "read": f"{part}_read.html"}
    return render_page_or_fragment(request, f"{part}_new.html", f"{part}_read.html", context)


def _say(added: Sequence[AnyCredential]) -> str:
    """A certificate's name is left out: its length would hide the verb."""
    if isinstance(added[0], ClientPublicKey):
        return f"Public key{'s' if len(added) > 1 else ''} {', '.join(map(str, added))} added."
    return "Certificate added." if len(added) == 1 else f"{len(added)} certificates added."
