"""Adding public keys to a client: what was pasted is shown first."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from clients.services.public_keys import add_public_keys
from dashboard.client.credentials.forms.added import PublicKeysForm
from dashboard.frame.confirmation import require_confirmation
from dashboard.frame.context import zone_of
from dashboard.frame.entries import kept_over_sign_in
from dashboard.frame.found import find_client
from dashboard.frame.fragments import render_page_or_fragment
from dashboard.frame.typography import messages_of
from dashboard.models import Membership
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, member


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
            added = add_public_keys(
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
            messages.success(request, f"Public key{'s' if len(added) > 1 else ''} {kids} added.")
            return redirect("client", membership.workspace.slug, client.client_id)
    context = {"client": client, "form": form}
    return render_page_or_fragment(request, "client/credentials/key_new.html", "client/credentials/keys_read.html", context)
