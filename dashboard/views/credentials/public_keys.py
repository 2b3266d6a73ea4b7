"""Adding public keys to a client: what was pasted is shown first."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from clients.services.added_credentials import add_usable_public_keys
from dashboard.caller import actor_of
from dashboard.confirmation import require_confirmation
from dashboard.entries import kept_over_sign_in
from dashboard.forms.added_credentials import PublicKeysForm
from dashboard.fragments import render_page_or_fragment
from dashboard.frame import zone_of
from dashboard.mail import client_notices
from dashboard.models import Membership
from dashboard.permissions import Permission, member
from dashboard.typography import messages_of
from dashboard.views.found import find_client


@kept_over_sign_in
@member(Permission.WRITE_CLIENTS)
def key_new(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    """POST shows what was pasted, also as a fragment, and with the button ADD adds it."""
    client, now = find_client(membership, client_id), timezone.now()
    is_sent = request.method == "POST"
    form = PublicKeysForm(request.POST if is_sent else None, request.FILES if is_sent else None, client=client, now=now, zone=zone_of(request))
    if is_sent and form.is_valid() and form.is_adding:
        # There is nothing private in it, or it would not be valid.
        require_confirmation(request, holds_no_secret=True)
        try:
            added = add_usable_public_keys(
                client=client,
                parsed=form.chosen_keys,
                allow_method=form.allows_method,
                name=form.cleaned_data["name"],
                lifetime=form.lifetime,
                actor=actor_of(request),
                now=now,
            )
        except ValidationError as error:
            form.add_error("public_key", messages_of(error))
        else:
            kids = ", ".join(key.kid for key in added)
            act = "public keys were added" if len(added) > 1 else "a public key was added"
            client_notices.tell_changed([client], act=act, names=[key.kid for key in added], by=membership.user, now=now)
            messages.success(request, f"Public key{'s' if len(added) > 1 else ''} {kids} added.")
            return redirect("client", membership.workspace.slug, client.client_id)
    context = {"client": client, "form": form}
    return render_page_or_fragment(request, "credentials/key_new.html", "credentials/keys_read.html", context)
