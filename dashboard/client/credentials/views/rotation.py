"""Rotating a client's secret: one question, a picture of the effect, and then the new secret."""

from datetime import datetime
from functools import partial
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from clients.duration import NO_END
from clients.models import Client, ClientSecret
from clients.policy import ClientPolicy
from clients.services.rotation import DEFAULT_OVERLAP, USUAL_OVERLAP, RotatedSecret, expected_lifetime, find_predecessor, rotate_secret
from dashboard.client.credentials import notices
from dashboard.client.credentials.expiry_notices import OVERLAP_STEP
from dashboard.client.credentials.forms.secrets import DATE, SHOW, RotationForm
from dashboard.client.credentials.rotation_plan import Plan, plan_rotation
from dashboard.client.credentials.secret_once import describe_secret, show_once
from dashboard.client.fields import say_token_lifetime
from dashboard.client.spent_form import show_spent
from dashboard.frame.confirmation import require_confirmation
from dashboard.frame.context import zone_of
from dashboard.frame.entries import kept_over_sign_in
from dashboard.frame.found import find_client
from dashboard.frame.fragments import is_fragment, render_page_or_fragment
from dashboard.frame.moment import say_day
from dashboard.frame.snippets import chosen_language
from dashboard.frame.spent_forms import FormSpentError, find_spent, spending
from dashboard.frame.typography import messages_of
from dashboard.models import Membership, User
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, member
from dashboard.people.recipients import about_contact


@kept_over_sign_in
@member(Permission.WRITE_CLIENTS)
def rotate(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    """GET shows the effect of the choice in the query; so does a POST from the script or with SHOW. Any other POST responds with the new secret.

    The script uses POST because the name is free text, and people may paste anything into it.
    """
    client, now = find_client(membership, client_id, **about_contact()), timezone.now()
    secrets = list(ClientSecret.objects.filter(client=client).usable(now))
    if not client.takes_secret or not secrets:
        return redirect("secret_new", membership.workspace.slug, client.client_id)
    predecessor = find_predecessor(client, now)
    make_form = partial(
        RotationForm,
        now=now,
        zone=zone_of(request),
        policy=ClientPolicy.of(client.workspace),
        expected=expected_lifetime(client, predecessor),
        initial=_chosen(request.GET, predecessor),
        replaces_several=len(secrets) > 1,
    )
    if request.method != "POST":
        return _show(request, client, secrets, make_form(), make_form(_as_sent(make_form(), request.GET)))
    spent = find_spent(request)
    if spent is not None:
        return show_spent(request, membership, spent)
    form = make_form(request.POST)
    is_valid = form.is_valid()
    if SHOW in request.POST or is_fragment(request):
        return _show(request, client, secrets, form, form)
    if is_valid:
        require_confirmation(request)
        try:
            new = _rotate(request, membership, client, form)
        except FormSpentError:
            return show_spent(request, membership, find_spent(request))
        except ValidationError as error:
            form.add_error(None, messages_of(error))
            secrets = list(ClientSecret.objects.filter(client=client).usable(now))
        else:
            return _show_made(request, membership, new)
    return _show(request, client, secrets, form, form)


def _chosen(query: QueryDict, predecessor: ClientSecret | None) -> dict[str, Any]:
    return {
        "overlap": query.get("overlap") or USUAL_OVERLAP,
        "until": query.get("until", ""),
        # A handed-over secret has its recipient's name.
        "name": query.get("name", predecessor.name if predecessor and not predecessor.created_by.startswith("hand-over:") else ""),
        "secret_expiry": query.get("secret_expiry", ""),
    }


def _as_sent(form: RotationForm, query: QueryDict) -> dict[str, str]:
    """The data that the form would send with the choices in a query."""
    return {**{name: str(value) for name, value in form.initial.items()}, **{name: str(query[name]) for name in query if name != "once"}}


def _rotate(request: HttpRequest, membership: Membership, client: Client, form: RotationForm) -> RotatedSecret:
    """Raise ValidationError, and FormSpentError if the same form was sent twice at the same moment."""
    return rotate_secret(
        client=client,
        actor=actor_of(request),
        now=form.now,
        overlap=form.cleaned_data["ends_at"] - form.now,
        name=form.cleaned_data["name"],
        lifetime=form.lifetime,
        seen=form.cleaned_data["seen"],
        also=spending(token=form.cleaned_data["once"], user=membership.user, name=lambda made: str(made.secret.secret_id), now=form.now),
    )


def _show(request: HttpRequest, client: Client, secrets: list[ClientSecret], shown: RotationForm, chosen: RotationForm) -> HttpResponse:
    """shown: the form on the page. chosen: the choice in the picture; the default if the entries are invalid or incomplete."""
    plan = _plan(request, client, secrets, chosen)
    is_begun = chosen.data.get("overlap") == DATE and not chosen.data.get("until")
    context = {
        "client": client,
        "form": shown,
        "plan": plan,
        "newest": secrets[0].secret_id if secrets else "",
        "problem": "" if is_begun or (shown.errors and not is_fragment(request)) else " ".join(map(str, chosen.errors.get("until", []))),
        "told": notices.say_told_before(client) if plan.ends_at - chosen.now > OVERLAP_STEP else "",
        "told_now": notices.say_told(client, is_urgent=plan.is_at_once and bool(plan.uses), by=cast(User, request.user), now=chosen.now),
        "token_lifetime": say_token_lifetime(client.token_lifetime),
    }
    return render_page_or_fragment(request, "client/credentials/rotate.html", "client/credentials/rotation_plan.html", context)


def _plan(request: HttpRequest, client: Client, secrets: list[ClientSecret], form: RotationForm) -> Plan:
    form.is_valid()
    ends_at = form.cleaned_data.get("ends_at") or form.now + DEFAULT_OVERLAP
    lifetime = form.lifetime or form.expected
    new_ends_at: datetime | None = None if lifetime is None or lifetime == NO_END else form.now + lifetime
    return plan_rotation(client, secrets, ends_at=ends_at, new_ends_at=new_ends_at, now=form.now, zone=zone_of(request))


def _show_made(request: HttpRequest, membership: Membership, new: RotatedSecret) -> HttpResponse:
    now, zone, client = timezone.now(), zone_of(request), new.secret.client
    ends = [(secret.secret_id, secret.expires_at) for secret in new.previous if secret.expires_at is not None and secret.expires_at > now]
    names = " and ".join(secret_id for secret_id, _ in ends)
    if len(ends) == 1:
        note = f"The old secret {names} works until {say_day(ends[0][1], now=now, zone=zone)}."
    elif ends:
        note = f"The old secrets {names} work until {say_day(max(end for _, end in ends), now=now, zone=zone)} at the latest."
    else:
        names = " and ".join(secret.secret_id for secret in new.previous)
        note = f"The old secret {names} no longer works." if len(new.previous) == 1 else f"The old secrets {names} no longer work."
    context = {
        "client": client,
        "once": describe_secret(new),
        "language": chosen_language(request),
        "note": note,
        "continue_url": reverse("client", args=[membership.workspace.slug, client.client_id]),
    }
    return show_once(request, "client/credentials/new_secret.html", context)
