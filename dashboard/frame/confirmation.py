"""“Confirm it’s you” before sensitive acts. A proof is valid for 10 minutes. The submitted form waits in the session and is then handled, unless it contains a
secret.

A view requires it by @confirmed before its page is shown, for example if the form takes a secret that can't be kept, or by @confirmed_when_sent, so that just
looking at the page needs no proof. A kept form has an ID in a cookie of the browser that sent it, a different one for each form. Otherwise an attacker with a
copy of the session cookie could put in a form of their own, and the owner's proof would submit it.
"""

import time
from collections.abc import Callable
from functools import wraps
from secrets import token_urlsafe
from typing import Any, TypeVar, cast

from allauth.account.adapter import get_adapter
from allauth.account.app_settings import REAUTHENTICATION_TIMEOUT
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import resolve, reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode

from clients.redaction import may_be_kept
from dashboard.frame import spent_forms
from dashboard.frame.entries import length_of
from dashboard.models import User

View = TypeVar("View", bound=Callable[..., Any])

COOKIE = "__Host-form"
_SUSPENDED = "suspended_form"
_MAX_KEPT = 64 * 1024


class ConfirmationMiddleware:
    """Handles ReauthenticationRequired. django-allauth would write the whole request, including passwords, into the session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return _suspend(request) if isinstance(exception, ReauthenticationRequired) else None


def confirmed(view: View) -> View:
    """A decorator under @signed_in, @member or @instance_admin: the user must have signed in or proved who they are within the last 10 minutes."""

    @wraps(view)
    def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        require_confirmation(request)
        return cast(HttpResponse, view(request, *args, **kwargs))

    return cast(View, check)


def confirmed_when_sent(view: View) -> View:
    """Like confirmed, but only for submitting the view's form."""

    @wraps(view)
    def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            require_confirmation(request)
        return cast(HttpResponse, view(request, *args, **kwargs))

    return cast(View, check)


def require_confirmation(request: HttpRequest, *, holds_no_secret: bool = False) -> None:
    """Raise ReauthenticationRequired. django-allauth's own check doesn't ask users without a password and second factor here, but the OpenID provider
    can ask them.

    holds_no_secret: whether the caller has checked that the form has no secret: then it is kept, with any names of fields.
    """
    request.holds_no_secret = holds_no_secret  # type: ignore[attr-defined]  # for _suspend
    if not request.user.is_authenticated or get_adapter(request).is_reauthentication_required(app="dashboard"):
        raise ReauthenticationRequired


def _suspend(request: HttpRequest) -> HttpResponse:
    path = request.get_full_path()
    response = HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': path})}")
    # A new request replaces the waiting form: a proof must not submit a form from long ago.
    request.session.pop(_SUSPENDED, None)
    if request.method == "POST" and request.user.is_authenticated and length_of(request.POST) <= _MAX_KEPT:
        fields = request.POST.copy()
        fields.pop("csrfmiddlewaretoken", None)
        body = fields.urlencode()
        has_looked = getattr(request, "holds_no_secret", False)
        pairs = ((name, value) for name, values in fields.lists() for value in values)
        if not request.FILES and all(may_be_kept("" if has_looked else name, value) for name, value in pairs):
            form_id = token_urlsafe(16)
            request.session[_SUSPENDED] = {"id": form_id, "user": request.user.pk, "path": path, "body": body, "at": time.time()}
            # It isn't Strict, because a user who gives the proof at a provider comes back from another site.
            response.set_cookie(COOKIE, form_id, max_age=REAUTHENTICATION_TIMEOUT, secure=True, httponly=True, samesite="Lax")
    return response


def resume(request: HttpRequest, path: str) -> HttpResponse:
    """The response after the proof: that to the waiting form, or a redirect to path if this browser didn't send a form there."""
    kept = _kept_for(request, path)
    request.session.pop(_SUSPENDED, None)
    return HttpResponseRedirect(path) if kept is None else _send_on(request, path, kept["body"])


def one_time_token(request: HttpRequest, path: str) -> str:
    """The one-time token of the form for path that waits for the proof; "" if none is waiting or it has no token."""
    kept = _kept_for(request, path)
    return "" if kept is None else QueryDict(kept["body"]).get(spent_forms.FIELD, "")


def repeat(request: HttpRequest, path: str) -> HttpResponse | None:
    """The response to a form that has already made its secret, if the proof is sent again, for example by reloading the page with that secret."""
    spent = spent_forms.find_spent(request)
    if spent is None or spent.user != request.user:
        return None
    return _send_on(request, path, urlencode({spent_forms.FIELD: spent.token}))


def _kept_for(request: HttpRequest, path: str) -> dict[str, Any] | None:
    kept: dict[str, Any] | None = request.session.get(_SUSPENDED)
    if kept is None or (kept["path"], kept["user"]) != (path, cast(User, request.user).pk):
        return None
    browser = request.COOKIES.get(COOKIE, "")
    if not browser or not constant_time_compare(kept.get("id", ""), browser):
        return None
    return kept if time.time() - kept["at"] <= REAUTHENTICATION_TIMEOUT else None


def _send_on(request: HttpRequest, path: str, body: str) -> HttpResponse:
    request.path, _, query = path.partition("?")
    request.path_info = request.path
    request.META.update({"PATH_INFO": request.path, "QUERY_STRING": query})
    request.GET, request.POST = QueryDict(query), QueryDict(body)
    request.resolver_match = match = resolve(request.path)
    return cast(HttpResponse, match.func(request, *match.args, **match.kwargs))
