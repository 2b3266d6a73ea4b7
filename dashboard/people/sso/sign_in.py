"""A sign-in at the provider: going there, coming back, and opening a session.

It uses private parts of django-allauth in version 65.21, which no other file imports; see “django-allauth” in pyproject.toml.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from secrets import token_urlsafe
from typing import TypeVar

from allauth.account.adapter import get_adapter
from allauth.account.models import Login
from allauth.mfa.internal.constants import LoginStageKey
from allauth.socialaccount.providers.oauth2.utils import generate_code_challenge
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from clients.foreign_text import shown
from dashboard.models import User
from dashboard.people import kept_by_browser
from dashboard.people.caller import actor_of, connection_of
from dashboard.people.notices import tell
from dashboard.people.places import STRANGERS, Places
from dashboard.people.proved_factors import owes_one
from dashboard.people.sign_in_flow import perform_login
from dashboard.people.sso import admission, id_token
from dashboard.people.sso.admission import METHOD, Admitted, RefusedError
from dashboard.people.sso.id_token import InvalidIDTokenError
from dashboard.people.sso.identity import Identity, InvalidClaimsError, read_identity
from dashboard.people.sso.provider import Provider, ProviderError, authorization_url, known_authorization_endpoint
from dashboard.people.sso.record import remember
from dashboard.people.throttling import known_person
from dashboard.people.user_sessions import find_own, record_sign_in
from oauth.replay import mark_used
from oauth.sender_network import widest_network_of

# Django has eight threads: an unresponsive provider must leave some for other requests.
MAX_AT_ONCE = 3
MAX_STRANGERS = 2

# RFC 6749 §4.1.2.1 and OpenID Connect Core 1.0 §3.1.2.6. Anybody can send people back with any other code.
_ERRORS = frozenset(
    {
        "invalid_request",
        "unauthorized_client",
        "unsupported_response_type",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "interaction_required",
        "login_required",
        "account_selection_required",
        "consent_required",
        "request_not_supported",
        "registration_not_supported",
    }
)

Answer = TypeVar("Answer")

# Each cookie has the data of one sign-in: a browser may have several, in several tabs.
COOKIES = "__Host-sso-"
MAX_BEGUN = 3
# Browsers drop cookies of more than 4,096 characters.
_MAX_NEXT = 1024

conversations = Places(MAX_AT_ONCE, most_of_group=MAX_STRANGERS)


@dataclass(frozen=True, slots=True)
class Begun:
    """The data that the second half of a sign-in needs from the first.

    purpose: a key of dashboard.account.views.sso.PURPOSES. next: a path of this instance, "" for none. user: the primary key of the account that was signed in,
    None for none. at: the time, in seconds since 1970.
    """

    purpose: str
    next: str
    user: int | None
    nonce: str
    code_verifier: str
    at: float


def begin(request: HttpRequest, *, purpose: str, next_url: str, proves_anew: bool = False, now: datetime) -> str:
    """The provider's URL to go to. proves_anew: whether the provider must ask the person for a new proof. Raise ProviderError, RefusedError."""
    challenge = generate_code_challenge()
    begun = Begun(purpose, next_url if len(next_url) <= _MAX_NEXT else "", request.user.pk, token_urlsafe(32), challenge["code_verifier"], now.timestamp())
    parameters = {
        "redirect_uri": _redirect_uri(request),
        "scope": " ".join(settings.SSO_SCOPES),
        "state": token_urlsafe(32),
        "nonce": begun.nonce,
        "code_challenge": challenge["code_challenge"].decode(),
        "code_challenge_method": "S256",
    }
    if proves_anew:
        # Core 1.0 §3.1.2.1. The browser could drop prompt; the ID token shows whether max_age was obeyed.
        parameters |= {"prompt": "login", "max_age": "0"}
    endpoint = known_authorization_endpoint() or _in_turn(request, lambda: Provider().find_authorization_endpoint())
    others = [name for name in request.COOKIES if name.startswith(COOKIES)]
    for name in others if len(others) >= MAX_BEGUN else ():
        kept_by_browser.forget(request, name)
    # It isn't Strict, because the browser comes back from another site.
    kept_by_browser.keep(request, _cookie_of(parameters["state"]), {"issuer": settings.SSO_ISSUER, **asdict(begun)}, samesite="Lax")
    return authorization_url(endpoint, **parameters)


def take(request: HttpRequest, *, now: datetime) -> Begun:
    """The sign-in that this browser began; it can be used once, for ten minutes. Raise RefusedError."""
    cookie = _cookie_of(_single(request, "state"))
    kept = kept_by_browser.find(request, cookie)
    if kept is None or kept.pop("issuer") != settings.SSO_ISSUER:
        raise RefusedError("unknown_state")
    kept_by_browser.forget(request, cookie)
    # Somebody with a copy of the cookie mustn't use it again.
    if not mark_used("single sign-on", kept["nonce"], "", expires_at=int(now.timestamp()) + kept_by_browser.SECONDS, now=now):
        raise RefusedError("unknown_state")
    return Begun(**kept)


def _cookie_of(state: str) -> str:
    return f"{COOKIES}{hashlib.sha256(state.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def finish(request: HttpRequest, begun: Begun, *, now: datetime) -> Identity:
    """Check everything, and return the person's identity. Raise ProviderError, RefusedError."""
    error, code = _single(request, "error"), _single(request, "code")
    if error == "access_denied":
        raise RefusedError("denied")
    if error or not code:
        raise ProviderError(f"the provider refused the request ({error if error in _ERRORS else shown(error)})" if error else "the provider sent no code")
    return _in_turn(request, lambda: _finish(request, begun, code, now))


def _finish(request: HttpRequest, begun: Begun, code: str, now: datetime) -> Identity:
    provider = Provider()
    # RFC 9207 §2.4: a response from a provider other than the one that was asked.
    issuer = _single(request, "iss")
    if issuer != settings.SSO_ISSUER and (issuer or provider.metadata.names_issuer):
        raise ProviderError("the response came from another issuer, or doesn't name its issuer")
    tokens = provider.exchange(code, redirect_uri=_redirect_uri(request), code_verifier=begun.code_verifier)
    try:
        claims = id_token.verify(
            tokens.id_token,
            keys=provider.keys(),
            issuer=settings.SSO_ISSUER,
            client_id=settings.SSO_CLIENT_ID,
            nonce=begun.nonce,
            authenticated_since=datetime.fromtimestamp(begun.at, now.tzinfo) if begun.purpose == "confirm" else None,
            now=now,
        )
        return read_identity(claims, provider.userinfo(tokens.access_token))
    except InvalidIDTokenError as error:
        raise ProviderError(f"the ID token {error}") from None
    except InvalidClaimsError as error:
        raise ProviderError(str(error)) from None


def sign_in(request: HttpRequest, *, admitted: Admitted, identity: Identity, next_url: str, now: datetime) -> HttpResponse:
    """Continue to next_url, or to the account's second factor. That is skipped if the account is linked and the provider says that it asked for one. Raise
    RefusedError.
    """
    user = admitted.user
    if request.user.is_authenticated and request.user.pk != user.pk:
        get_adapter(request).logout(request)
    is_signed_in = request.user.is_authenticated
    if is_signed_in and admitted.waits:
        if owes_one(request):
            raise RefusedError("account_exists", user=user, email=identity.email)
        link(request, user=user, identity=identity, now=now)
    remember(request, user, identity, now=now)
    if is_signed_in:
        # The session has already proved everything that the account needs; now the provider vouches for the user too.
        record_sign_in(user=user, session_key=find_own(request), method=METHOD, actor=actor_of(request), now=now)
        return HttpResponseRedirect(next_url or reverse("home"))
    # Until the account is linked, the provider's statement proves nothing about it.
    is_handled = identity.has_second_factor and not admitted.waits
    state = {"stages": {LoginStageKey.MFA_AUTHENTICATE.value: {"handled": True}}} if is_handled else None
    # Stored in the session until the second factor is proved.
    kept = {"identity": {**asdict(identity), "groups": sorted(identity.groups)}} if admitted.waits else None
    response: HttpResponse = perform_login(request, Login(user=user, redirect_url=next_url or None, state=state, signal_kwargs=kept))
    return response


def link(request: HttpRequest, *, user: User, identity: Identity, now: datetime) -> None:
    """Link an account that was found by its address, and tell its owner. Raise RefusedError."""
    admission.link_found(user=user, identity=identity, actor=admission.provider_actor(actor_of(request)), now=now)
    tell("sso_connected", user, request=request, now=now, provider=settings.SSO_NAME)


def _single(request: HttpRequest, name: str) -> str:
    """The parameter; "" if it is missing, too long to be ours, or repeated (RFC 6749 §3.1)."""
    values = request.GET.getlist(name)
    return values[0] if len(values) == 1 and len(values[0]) <= 4096 else ""


def _redirect_uri(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("sso_callback"))


def _in_turn(request: HttpRequest, ask: Callable[[], Answer]) -> Answer:
    person = known_person(request)
    with conversations.take(person or widest_network_of(connection_of(request).remote_address), group="" if person else STRANGERS) as is_free:
        if not is_free:
            raise RefusedError("busy")
        return ask()
