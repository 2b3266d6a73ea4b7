"""Additional secrets for a client, and secrets' expiry."""

from datetime import datetime

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from clients.models import Client, ClientSecret
from clients.overlap import find_overlaps
from clients.policy import ClientPolicy
from clients.services.rotation import DEFAULT_OVERLAP, USUAL_OVERLAP
from clients.services.secret_ends import extend_secret, latest_end
from clients.services.secrets import NewSecret, create_secret
from dashboard.client import impact
from dashboard.client.credentials.forms import expiry
from dashboard.client.credentials.forms.secrets import SHOW, ExtensionForm, NewSecretForm
from dashboard.client.credentials.rotation_plan import plan_extension
from dashboard.client.credentials.secret_once import describe_secret, show_once
from dashboard.client.credentials.views.ended import show_fixed
from dashboard.client.spent_form import show_spent
from dashboard.frame.confirmation import require_confirmation
from dashboard.frame.context import zone_of
from dashboard.frame.entries import kept_over_sign_in
from dashboard.frame.found import find_client, find_credential
from dashboard.frame.fragments import render_page_or_fragment
from dashboard.frame.moment import say_day
from dashboard.frame.snippets import chosen_language
from dashboard.frame.spent_forms import FormSpentError, find_spent, spending
from dashboard.frame.typography import messages_of
from dashboard.models import Membership
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, member


@kept_over_sign_in
@member(Permission.WRITE_CLIENTS)
def secret_new(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    """An additional secret; the response to the POST shows it."""
    client, now = find_client(membership, client_id), timezone.now()
    if not client.takes_secret:
        return render(request, "client/credentials/no_secret.html", {"client": client})
    spent = find_spent(request)
    if spent is not None:
        return show_spent(request, membership, spent)
    policy = ClientPolicy.of(client.workspace)
    expected = policy.usual_secret_lifetime
    begins_with = {} if expected else {"secret_expiry": expiry.default(policy)}
    form = NewSecretForm(request.POST if request.method == "POST" else None, policy=policy, expected=expected, initial=begins_with)
    if request.method == "POST" and form.is_valid():
        require_confirmation(request)
        try:
            new = _create(request, membership, client, form, now)
        except FormSpentError:
            return show_spent(request, membership, find_spent(request))
        except ValidationError as error:
            form.add_error(None, messages_of(error))
        else:
            return _show_made(request, membership, new)
    usable = list(ClientSecret.objects.filter(client=client).usable(now))
    context = {"client": client, "form": form, "usable": usable, "last": None if usable else ClientSecret.objects.filter(client=client).first()}
    return render(request, "client/credentials/secret_new.html", context)


def _create(request: HttpRequest, membership: Membership, client: Client, form: NewSecretForm, now: datetime) -> NewSecret:
    """Raise ValidationError, and FormSpentError if the same form was sent twice at the same moment."""
    return create_secret(
        client=client,
        actor=actor_of(request),
        now=now,
        name=form.cleaned_data["name"],
        lifetime=form.lifetime,
        also=spending(token=form.cleaned_data["once"], user=membership.user, name=lambda made: str(made.secret.secret_id), now=now),
    )


def _show_made(request: HttpRequest, membership: Membership, new: NewSecret) -> HttpResponse:
    client = new.secret.client
    others = ClientSecret.objects.filter(client=client).usable(new.secret.created_at).exclude(pk=new.secret.pk).count()
    context = {
        "client": client,
        "once": describe_secret(new),
        "language": chosen_language(request),
        "note": "" if not others else f"The other secret{' works' if others == 1 else 's work'} as before.",
        "continue_url": reverse("client", args=[membership.workspace.slug, client.client_id]),
    }
    return show_once(request, "client/credentials/new_secret.html", context)


@kept_over_sign_in
@member(Permission.WRITE_CLIENTS)
def secret_extend(request: HttpRequest, membership: Membership, client_id: str, secret_id: str) -> HttpResponse:
    client, now, zone = find_client(membership, client_id), timezone.now(), zone_of(request)
    secret = find_credential(ClientSecret, client, secret_id=secret_id)
    if secret.expires_at is None or not secret.is_usable(now):
        return show_fixed(request, secret, now)
    choice = {"longer": request.GET.get("longer") or USUAL_OVERLAP, "until": request.GET.get("until", "")}
    chosen = ExtensionForm(request.POST if request.method == "POST" else choice, present=secret.expires_at, now=now, zone=zone, initial={})
    ends_at = chosen.cleaned_data["ends_at"] if chosen.is_valid() else None
    if request.method == "POST" and SHOW not in request.POST and ends_at is not None:
        require_confirmation(request)
        try:
            extended = extend_secret(client=client, secret_id=secret_id, expires_at=ends_at, actor=actor_of(request), now=now, seen=chosen.cleaned_data["seen"])
        except ValidationError as error:
            secret.refresh_from_db(fields=["expires_at"])
            chosen.add_error("until" if chosen.cleaned_data["longer"] == "date" else "longer", error)
        else:
            messages.success(request, f"{secret_id} now expires {say_day(extended.expires_at or ends_at, now=now, zone=zone)}.")
            return redirect("client", membership.workspace.slug, client.client_id)
    shown = chosen if request.method == "POST" else ExtensionForm(present=secret.expires_at, now=now, zone=zone, initial=choice)
    found = impact.of_credential(secret, client=client, now=now)
    others = [row for row in found.others if isinstance(row, ClientSecret)]
    context = {
        "client": client,
        "secret": secret,
        "form": shown,
        "plan": plan_extension(client, secret, others, ends_at=ends_at or secret.expires_at + DEFAULT_OVERLAP, now=now, zone=zone),
        "is_in_overlap": secret.secret_id in find_overlaps([secret, *others], now),
        "impact": found,
        "latest": latest_end(secret, client.workspace) if client.workspace.max_secret_lifetime_days else None,
        "problem": "" if shown.is_bound or not choice["until"] else " ".join(map(str, chosen.errors.get("until", []))),
    }
    return render_page_or_fragment(request, "client/credentials/extend.html", "client/credentials/extension_plan.html", context)
