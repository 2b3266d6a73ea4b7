"""A client's hand-over links, for the people of its workspace."""

from typing import cast

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from clients.models import Client, HandOver
from clients.services import hand_overs as services
from clients.services.hand_overs import NewHandOver
from dashboard.client.credentials.secret_once import show_once
from dashboard.client.hand_over.forms import HandOverForm
from dashboard.frame import spent_forms
from dashboard.frame.confirmation import confirmed_when_sent
from dashboard.frame.credential_names import name_credential
from dashboard.frame.entries import kept_over_sign_in
from dashboard.frame.found import find_client
from dashboard.instance import mail
from dashboard.instance.addresses import page_url
from dashboard.models import Membership, User
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, may, member
from dashboard.people.quotas import refuse_mail_to

PAGE = 25


@kept_over_sign_in
@member(Permission.VIEW, post=Permission.WRITE_CLIENTS)
@confirmed_when_sent
def hand_overs(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    """POST makes a link. Its response is the only page that ever shows the link."""
    client = find_client(membership, client_id)
    form = HandOverForm(request.POST if request.method == "POST" else None, client=client)
    refusal = None
    if request.method == "POST":
        if (spent := spent_forms.find_spent(request)) is not None:
            return _say_spent(request, client, spent.made)
        if form.is_valid() and form.cleaned_data["sends"]:
            refusal = refuse_mail_to(form.cleaned_data["recipient"], by=membership.user, now=timezone.now())
        if refusal is not None:
            form.add_error("recipient", refusal.text)
        elif form.is_valid():
            try:
                return _make(request, client, form)
            except spent_forms.FormSpentError:
                return redirect("hand_overs", membership.workspace.slug, client.client_id)
            except ValidationError as error:
                form.add_error(None, error)
    response = _show(request, membership, client, form)
    return refusal.apply_to(response) if refusal else response


def _show(request: HttpRequest, membership: Membership, client: Client, form: HandOverForm) -> HttpResponse:
    now = timezone.now()
    page = Paginator(HandOver.objects.filter(client=client), PAGE).get_page(request.GET.get("page"))
    is_usable = client.status == Client.Status.ENABLED and (client.takes_secret or client.takes_public_key)
    context = {
        "client": client,
        "form": form if is_usable and may(membership, Permission.WRITE_CLIENTS) and client.workspace.deletes_at is None else None,
        "is_usable": is_usable,
        "page": page,
        "may_write": may(membership, Permission.WRITE_CLIENTS),
        "rows": [(link, link.state(now), name_credential(link.credential)) for link in page.object_list],
    }
    return render(request, "client/hand_over/list.html", context)


def _make(request: HttpRequest, client: Client, form: HandOverForm) -> HttpResponse:
    """Raise ValidationError, FormSpentError."""
    now, cleaned = timezone.now(), form.cleaned_data
    new = services.create_hand_over(
        client=client,
        recipient=cleaned["recipient"],
        lifetime=cleaned["lifetime"],
        secret_lifetime=cleaned.get("secret_expiry"),
        actor=actor_of(request),
        now=now,
        also=spent_forms.spending(token=cleaned["once"], user=cast(User, request.user), name=_name, now=now),
    )
    link = page_url(reverse("hand_over", args=[new.plaintext]))
    is_sent = _mail(request, new, link) if cleaned["sends"] else None
    context = {"client": client, "hand_over": new.hand_over, "link": link, "is_sent": is_sent}
    return show_once(request, "client/hand_over/made.html", context)


def _name(new: NewHandOver) -> str:
    return str(new.hand_over.pk)


def _mail(request: HttpRequest, new: NewHandOver, link: str) -> bool:
    context = {"hand_over": new.hand_over, "client": new.hand_over.client, "workspace": new.hand_over.client.workspace, "by": request.user, "link": link}
    return mail.send("hand_over", [new.hand_over.recipient], context)


def _say_spent(request: HttpRequest, client: Client, made: str) -> HttpResponse:
    found = HandOver.objects.filter(client=client, pk=int(made)).first() if made.isdecimal() else None
    if found is not None:
        whom = f" for {found.recipient}" if found.recipient else ""
        messages.info(request, f"The link{whom} has been made and shown, and can’t be shown again. If you lost it, withdraw it and make a new one.")
    return redirect("hand_overs", client.workspace.slug, client.client_id)


@member(Permission.WRITE_CLIENTS)
@require_POST
def hand_over_withdraw(request: HttpRequest, membership: Membership, client_id: str, pk: int) -> HttpResponse:
    client = find_client(membership, client_id)
    try:
        withdrawn = services.withdraw_hand_over(client=client, pk=pk, actor=actor_of(request), now=timezone.now())
    except HandOver.DoesNotExist:
        raise Http404 from None
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        whom = f" for {withdrawn.recipient}" if withdrawn.recipient else ""
        messages.success(request, f"The link{whom} is withdrawn. It no longer works.")
    return redirect("hand_overs", membership.workspace.slug, client.client_id)
