"""Making a client: one page, and its response is the only page that shows the secret."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from clients.services.clients import NewClient, create_client_with_credentials
from dashboard.client.credentials.secret_once import describe_examples, describe_secret, show_once
from dashboard.client.fields import describe_scope_picker
from dashboard.client.spent_form import show_spent
from dashboard.clients.create.forms import NewClientForm, as_entries
from dashboard.clients.create.preview import preview
from dashboard.frame.confirmation import require_confirmation
from dashboard.frame.entries import kept_over_sign_in
from dashboard.frame.snippets import chosen_language
from dashboard.frame.spent_forms import FormSpentError, find_spent, spending
from dashboard.models import Membership
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, member
from dashboard.people.policies import require_environment


@kept_over_sign_in
@member(Permission.WRITE_CLIENTS)
def client_new(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The response to the POST shows the secret. If the form is sent again, the response only says what was made."""
    now = timezone.now()
    if request.method != "POST":
        return _show_form(request, membership, NewClientForm(membership=membership, now=now))
    spent = find_spent(request)
    if spent is not None:
        return show_spent(request, membership, spent)
    form = NewClientForm(request.POST, request.FILES, membership=membership, now=now)
    if form.is_valid():
        require_confirmation(request, holds_no_secret=not form.holds_private_key())
        try:
            return _show_made(request, membership, _create(request, membership, form))
        except FormSpentError:
            return show_spent(request, membership, find_spent(request))
        except ValidationError as error:
            form.add_errors_of(error)
    return _show_form(request, membership, form)


@member(Permission.WRITE_CLIENTS)
@require_POST
def client_preview(request: HttpRequest, membership: Membership) -> HttpResponse:
    """A summary of the form so far, shown beside it."""
    form = NewClientForm(request.POST, request.FILES, membership=membership, now=timezone.now())
    response = render(request, "clients/create/preview.html", {"preview": preview(form)})
    response["Cache-Control"] = "no-store"
    return response


def _create(request: HttpRequest, membership: Membership, form: NewClientForm) -> NewClient:
    """Raise ValidationError, and FormSpentError if the same form was sent twice at the same moment."""
    values = form.values()
    try:
        require_environment(membership, values["environment"])
    except ValidationError as error:
        raise ValidationError({"environment": error.messages}) from None
    return create_client_with_credentials(
        workspace=membership.workspace,
        actor=actor_of(request),
        now=form.now,
        also=spending(token=form.cleaned_data["once"], user=membership.user, name=lambda made: str(made.client.client_id), now=form.now),
        **values,
    )


def _show_form(request: HttpRequest, membership: Membership, form: NewClientForm) -> HttpResponse:
    shown = form if form.is_bound else NewClientForm(as_entries(form), membership=membership, now=form.now)
    context = {
        "workspace": membership.workspace,
        "form": form,
        "preview": preview(shown),
        **describe_scope_picker(form["scopes"], membership.workspace),
    }
    return render(request, "clients/create/new.html", context)


def _show_made(request: HttpRequest, membership: Membership, new: NewClient) -> HttpResponse:
    client = new.client
    context = {
        "client": client,
        "once": describe_secret(new.secret) if new.secret is not None else None,
        "snippets": describe_examples(client, key=new.public_keys[0] if new.public_keys else None) if new.secret is None else (),
        "language": chosen_language(request),
        "made_by": membership.user.shown_name,
        "after": 0,
        "continue_url": reverse("client", args=[membership.workspace.slug, client.client_id]),
    }
    return show_once(request, "clients/create/made.html", context)
