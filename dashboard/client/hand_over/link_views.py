"""The pages for a hand-over link's recipient, who needs no account.

As with invitations, the token is only in the URL that the link leads to; after that, the session knows which link it is. Opening the link doesn't use it up,
because previews and mail scanners open links: the secret is made when the recipient presses the button.
"""

from datetime import datetime
from pathlib import PurePath

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from clients.models import Client, ClientPublicKey, HandOver, Scope
from clients.services import hand_overs as services
from dashboard.client.credentials.secret_once import describe_secret, show_once
from dashboard.client.hand_over.forms import HandedKeyForm
from dashboard.frame.snippets import TokenRequest, chosen_language, snippets_for
from dashboard.frame.snippets.token_request import server_ca
from dashboard.people.caller import actor_of
from dashboard.people.made_links import may_hand_over_still
from dashboard.people.permissions import anyone
from dashboard.people.quotas import refuse_new_session

# The session key for the digest of the link that the user is viewing.
HAND_OVER = "hand_over"


@anyone
@never_cache
def hand_over(request: HttpRequest, token: str) -> HttpResponse:
    """The page that the link leads to."""
    digest = services.digest_of(token)
    if _find_usable(digest, timezone.now()) is None:
        return _refuse(request)
    refusal = refuse_new_session(request)
    if refusal is not None:
        return refusal.apply_to(render(request, "link_waits.html", {"refusal": refusal}))
    request.session[HAND_OVER] = digest
    return redirect("hand_over_open")


@anyone
@never_cache
def hand_over_open(request: HttpRequest) -> HttpResponse:
    """act: “secret”, or “key” for a public key instead."""
    now = timezone.now()
    found = _find_usable(request.session.get(HAND_OVER, ""), now)
    if found is None:
        return _refuse(request)
    # A user with two open links uses the one that the form showed.
    if request.method != "POST" or request.POST.get("link") != str(found.pk):
        services.note_opening(hand_over=found, now=now)
        return _show(request, found)
    try:
        return _take_key(request, found) if request.POST.get("act") == "key" else _make_secret(request, found)
    except HandOver.DoesNotExist:
        return _refuse(request)


def _find_usable(digest: str, now: datetime) -> HandOver | None:
    found = HandOver.objects.usable(now).select_related("client__workspace").filter(token_digest=digest).first()
    return found if found is not None and may_hand_over_still(found) else None


def _refuse(request: HttpRequest) -> HttpResponse:
    """The response doesn't reveal whether the link is forged, used, withdrawn, expired, for a disabled client, or by somebody who may no longer hand over."""
    request.session.pop(HAND_OVER, None)
    return render(request, "client/hand_over/gone.html", status=404)


def _show(request: HttpRequest, found: HandOver, form: HandedKeyForm | None = None, *, refusal: str = "") -> HttpResponse:
    client = found.client
    context = {
        "hand_over": found,
        "client": client,
        "scopes": Scope.objects.filter(workspace=client.workspace, name__in=client.scopes).order_by("name"),
        "form": (form or HandedKeyForm(client=client)) if client.takes_public_key else None,
        "refusal": refusal,
    }
    return render(request, "client/hand_over/open.html", context)


def _make_secret(request: HttpRequest, found: HandOver) -> HttpResponse:
    try:
        new = services.use_for_secret(hand_over=found, is_allowed=may_hand_over_still, actor=actor_of(request), now=timezone.now())
    except ValidationError as error:
        return _show(request, found, refusal=" ".join(error.messages))
    request.session.pop(HAND_OVER, None)
    context = {"client": found.client, "once": describe_secret(new, ca=_ca_of_reader()), "handed_ca": _ca_of_reader(), "language": chosen_language(request)}
    return show_once(request, "client/hand_over/secret.html", context)


def _take_key(request: HttpRequest, found: HandOver) -> HttpResponse:
    if not found.client.takes_public_key:
        return _show(request, found, refusal=f"{found.client.name} can’t use a public key.")
    form = HandedKeyForm(request.POST, request.FILES, client=found.client)
    if not form.is_valid():
        return _show(request, found, form)
    try:
        key = services.use_for_public_key(
            hand_over=found, parsed=form.cleaned_data["key"], is_allowed=may_hand_over_still, actor=actor_of(request), now=timezone.now()
        )
    except ValidationError as error:
        form.add_error("public_key", error)
        return _show(request, found, form)
    request.session.pop(HAND_OVER, None)
    return show_once(request, "client/hand_over/key.html", _describe_key(request, found.client, key))


def _describe_key(request: HttpRequest, client: Client, key: ClientPublicKey) -> dict[str, object]:
    snippets = snippets_for(TokenRequest.of(client, Client.AuthMethod.PRIVATE_KEY_JWT, key=key, ca=_ca_of_reader()))
    return {"client": client, "key": key, "handed_ca": _ca_of_reader(), "snippets": snippets, "language": chosen_language(request)}


def _ca_of_reader() -> str:
    """The name of the CA file that the recipient was given, "" if the server's certificate is from a public CA. The recipient isn't on this machine."""
    return PurePath(server_ca()).name
