"""Adding certificates to a client: what was pasted is shown first."""

from typing import cast

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from clients.services.certificates import add_certificates
from dashboard.client.credentials.forms.added import CertificatesForm
from dashboard.client.credentials.pasted_facts import CertificateFacts, draw_certificates
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
def certificate_new(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    """POST shows what was pasted, also as a fragment, and with the button ADD adds it."""
    client, now, zone = find_client(membership, client_id), timezone.now(), zone_of(request)
    is_sent = request.method == "POST"
    form = CertificatesForm(request.POST if is_sent else None, request.FILES if is_sent else None, client=client, now=now, zone=zone)
    if is_sent and form.is_valid() and form.is_adding:
        # There is nothing private in it, or it would not be valid.
        require_confirmation(request, holds_no_secret=True)
        try:
            added = add_certificates(
                client=client,
                parsed=form.chosen_certificates,
                allow_method=form.allows_method,
                name=form.cleaned_data["name"],
                actor=actor_of(request),
                now=now,
            )
        except ValidationError as error:
            form.add_error("credential_certificate", messages_of(error))
        else:
            messages.success(request, "Certificate added." if len(added) == 1 else f"{len(added)} certificates added.")
            return redirect("client", membership.workspace.slug, client.client_id)
    context = {
        "client": client,
        "form": form,
        "line": draw_certificates(cast(list[CertificateFacts], form.facts), now=now, zone=zone) if form.facts else None,
    }
    return render_page_or_fragment(request, "client/credentials/certificate_new.html", "client/credentials/certificates_read.html", context)
