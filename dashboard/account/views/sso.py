"""Single sign-on: to the provider and back, and connecting an account with it. None of this exists while SSO_ISSUER is empty."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dashboard.frame import confirmation
from dashboard.frame.confirmation import confirmed
from dashboard.models import User
from dashboard.people import notices, quotas, throttling
from dashboard.people.caller import actor_of, connection_of
from dashboard.people.permissions import anyone, signed_in
from dashboard.people.refusal import Refusal
from dashboard.people.sign_in_flow import get_next_redirect_url
from dashboard.people.sso import admission, sign_in
from dashboard.people.sso.admission import RefusedError
from dashboard.people.sso.identity import Identity
from dashboard.people.sso.provider import ProviderError
from dashboard.people.sso.record import remember
from dashboard.people.sso.sign_in import Begun
from dashboard.people.user_sessions import change_key, record_confirmation

logger = logging.getLogger("tokenos.sso")

View = TypeVar("View", bound=Callable[..., Any])

# code → status, heading, what to do. {name}: the provider's. {email}: the user's.
REFUSALS = {
    "unknown_state": (
        400,
        "This sign-in can’t continue",
        "It was started in another browser, has already been used, or took longer than 10 minutes. Start again.",
    ),
    "denied": (403, "You weren’t signed in by {name}", "You cancelled it there, or {name} doesn’t let you in here. Ask the administrator of {name}."),
    "provider_failed": (502, "Signing in with {name} doesn’t work right now", "It didn’t respond in time, or its response was invalid. Try again in a minute."),
    "busy": (503, "Too many people are signing in at this moment", "You aren’t signed in. Try again in a few seconds."),
    "too_many": (429, "Too many attempts", "You aren’t signed in. Try again in a few minutes."),
    "email_not_proved": (403, "{name} hasn’t verified your email address", "It must say that your email address is verified. Ask the administrator of {name}."),
    "account_exists": (403, "An account for {email} already exists", "Sign in as before, then connect your account with {name} under Account."),
    "linked_with_another": (403, "This account is connected to somebody else at {name}", "Ask the administrator of this instance to check {email}."),
    "inactive": (403, "Your account is disabled", "Ask the administrator of this instance."),
    "no_role": (
        403,
        "You have no workspace here yet",
        "None of your groups at {name} has a role here. Ask an owner of your workspace to invite you, or the administrator of {name} to change your groups.",
    ),
    "other_person": (403, "That was somebody else", "The person at {name} isn’t the one who is signed in here. Nothing was changed."),
    "taken": (403, "Already connected to another account", "The person at {name} has another account here. Nothing was changed."),
}
# Refusals that anybody can cause by starting a sign-in here. The others need a person that the provider knows. They aren't counted per address, so colleagues
# behind one address don't lock each other out.
FORGEABLE = ("denied", "provider_failed")


def configured(view: View) -> View:
    """Put it below the decorator that declares who may call the view."""

    @wraps(view)
    def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.SSO_ISSUER:
            raise Http404
        return cast(HttpResponse, view(request, *args, **kwargs))

    return cast(View, check)


@anyone
@configured
@never_cache
def sso_sign_in(request: HttpRequest) -> HttpResponse:
    """GET: the page to which a provider's own portal may send people (OpenID Connect Core 1.0 §4); nothing starts until they ask for it."""
    next_url = get_next_redirect_url(request) or ""
    if request.method != "POST":
        return render(request, "account/sso_sign_in.html", {"next_url": next_url})
    return _go(request, purpose="sign_in", next_url=next_url)


@signed_in
@configured
@require_POST
def sso_confirm(request: HttpRequest) -> HttpResponse:
    """The page “Confirm it’s you” at the provider."""
    return _go(request, purpose="confirm", next_url=get_next_redirect_url(request) or "", proves_anew=True)


@signed_in
@configured
@confirmed
@require_POST
def sso_connect(request: HttpRequest) -> HttpResponse:
    return _go(request, purpose="connect", next_url="")


@signed_in
@configured
@confirmed
@require_POST
def sso_disconnect(request: HttpRequest) -> HttpResponse:
    user, now = cast(User, request.user), timezone.now()
    if admission.disconnect(user=user, actor=actor_of(request), now=now):
        messages.success(request, f"Your account is no longer connected to {settings.SSO_NAME}.")
        notices.tell("sso_disconnected", user, request=request, now=now, provider=settings.SSO_NAME)
    return redirect("sso_connection")


@signed_in
@configured
@require_safe
def sso_connection(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    context = {"link": admission.find_link(user), "reason_to_stay": admission.find_reason_to_stay_connected(user)}
    return render(request, "account/sso_connection.html", context)


@anyone
@configured
@never_cache
@require_safe
def sso_callback(request: HttpRequest) -> HttpResponse:
    """The provider sends the browser back here: OpenID Connect Core 1.0 §3.1.2.5. Raise SessionInterrupted if the session here has ended meanwhile."""
    try:
        begun = sign_in.take(request, now=timezone.now())
    except RefusedError as error:
        # A state can't be guessed. If a wrong one counted, images on another site's page could lock out everybody at its visitor's address.
        return _refuse(request, error)
    # Each sign-in has its own name: with one for all, a person could lock out the colleagues behind the same address sooner.
    name = f"{admission.METHOD} {begun.nonce}"
    with throttling.attempt(request, name, takes_password=False) as refusal:
        if refusal is not None:
            return refusal.apply_to(_refuse(request, RefusedError("too_many")))
        now, identity = timezone.now(), None
        try:
            identity = sign_in.finish(request, begun, now=now)
            if request.user.is_authenticated:
                # This comes before anything is written, because the owner may have ended a stolen session while the provider was asked.
                change_key(request)
            return PURPOSES[begun.purpose](request, begun, identity)
        except (RefusedError, ProviderError) as error:
            refused = error if isinstance(error, RefusedError) else _log(request, error)
            if refused.code in FORGEABLE:
                throttling.count_wrong(request, name, now=now)
            # An unfinished sign-in isn't recorded, because it isn't counted either, so anybody could fill the audit log with it.
            if refused.code != "busy" and (identity is None or quotas.may_record_refusal(identity.subject, now=now)):
                admission.record_refusal(refused=refused, actor=actor_of(request), now=now)
            return _refuse(request, refused, begun)


def _go(request: HttpRequest, *, purpose: str, next_url: str, proves_anew: bool = False) -> HttpResponse:
    """A page that leads to the provider. It isn't a redirect, because after a form, browsers only follow redirects that CSP form-action allows."""
    try:
        url = sign_in.begin(request, purpose=purpose, next_url=next_url, proves_anew=proves_anew, now=timezone.now())
    except RefusedError as error:
        return _refuse(request, error)
    except ProviderError as error:
        return _refuse(request, _log(request, error))
    response = render(request, "account/sso_going.html", {"url": url})
    response["Refresh"] = f"0; url={url}"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _sign_in(request: HttpRequest, begun: Begun, identity: Identity) -> HttpResponse:
    now = timezone.now()
    admitted = admission.admit(identity=identity, actor=admission.provider_actor(actor_of(request)), now=now)
    if refusal := quotas.refuse_proof(admitted.user, at_provider=True, now=now):
        return refusal.apply_to(_refuse(request, RefusedError("too_many"), begun))
    return sign_in.sign_in(request, admitted=admitted, identity=identity, next_url=begun.next, now=now)


def _connect(request: HttpRequest, begun: Begun, identity: Identity) -> HttpResponse:
    user, now = _require_same(request, begun), timezone.now()
    admission.connect(user=user, identity=identity, actor=actor_of(request), now=now)
    messages.success(request, f"Your account is connected to {settings.SSO_NAME}.")
    notices.tell("sso_connected", user, request=request, now=now, provider=settings.SSO_NAME)
    return redirect("sso_connection")


def _confirm(request: HttpRequest, begun: Begun, identity: Identity) -> HttpResponse:
    user, now = _require_same(request, begun), timezone.now()
    link = admission.find_link(user)
    if link is None or (link.provider, link.uid) != (identity.issuer, identity.subject):
        raise RefusedError("other_person", user=user)
    if refusal := quotas.refuse_proof(user, at_provider=True, now=now):
        return refusal.apply_to(_refuse(request, RefusedError("too_many"), begun))
    remember(request, user, identity, now=now, is_confirmation=True)
    record_confirmation(user=user, method=admission.METHOD, actor=actor_of(request), now=now)
    if get_adapter(request).is_reauthentication_required(app="dashboard"):
        messages.info(request, f"{settings.SSO_NAME} doesn’t say that it asked for a second factor. Use your passkey or a code.")
    # resume needs a POST, because the waiting form was sent by POST.
    request.method = "POST"
    return confirmation.resume(request, begun.next or reverse("mfa_index"))


def _require_same(request: HttpRequest, begun: Begun) -> User:
    """The user who was signed in when the act began."""
    if not isinstance(request.user, User) or request.user.pk != begun.user:
        raise RefusedError("other_person")
    return request.user


PURPOSES = {"sign_in": _sign_in, "connect": _connect, "confirm": _confirm}


def _log(request: HttpRequest, error: ProviderError) -> RefusedError:
    logger.warning("single sign-on failed: %s", error, extra={"issuer": settings.SSO_ISSUER, "request_id": connection_of(request).request_id})
    return RefusedError("provider_failed")


def _refuse(request: HttpRequest, refused: RefusedError, begun: Begun | None = None) -> HttpResponse:
    status, heading, text = REFUSALS[refused.code]
    named = {"name": settings.SSO_NAME, "email": refused.email or "your email address"}
    context = {
        "heading": heading.format(**named),
        "text": text.format(**named),
        "next_url": begun.next if begun is not None else "",
        "can_try_again": begun is None or begun.purpose == "sign_in",
        "request_id": connection_of(request).request_id,
    }
    # The page's frame links back to the page's own address, which may contain code and state.
    request.path, request.META["QUERY_STRING"] = reverse("sso_sign_in"), ""
    response = render(request, "account/sso_refused.html", context, status=status)
    response["Referrer-Policy"] = "no-referrer"
    return Refusal(status, throttling.BUSY_SECONDS, text).apply_to(response) if refused.code == "busy" else response
