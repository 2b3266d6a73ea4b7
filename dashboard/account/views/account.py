"""Your account: security overview, name, display, password and sessions."""

from typing import Any, cast

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from dashboard.account.forms import ChangePasswordForm, DisplayForm, ProfileForm
from dashboard.frame.confirmation import confirmed, confirmed_when_sent
from dashboard.models import User
from dashboard.people import accounts, known_devices, password_origin, passwords, quotas, recovery_codes, second_factors, throttling, user_sessions
from dashboard.people.caller import actor_of
from dashboard.people.notices import tell
from dashboard.people.permissions import signed_in
from dashboard.people.user_agent import describe_device


@signed_in
def security(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    factors = list(second_factors.of(user))
    recovery = next((factor for factor in factors if factor.type == Authenticator.Type.RECOVERY_CODES), None)
    context = {
        "passkeys": [(factor, second_factors.name_of(factor)) for factor in factors if factor.type == Authenticator.Type.WEBAUTHN],
        "one_time_codes": next((factor for factor in factors if factor.type == Authenticator.Type.TOTP), None),
        "recovery": recovery,
        "codes_left": recovery_codes.count_left(recovery.data) if recovery else 0,
        "codes_made": recovery_codes.CODES,
        "password": password_origin.find_origin(user),
        "sessions": [_describe(request, session) for session in user_sessions.find_open(user, now=timezone.now())],
        "most_sessions": user_sessions.MAX,
    }
    return render(request, "account/security.html", context)


def _describe(request: HttpRequest, session: Any) -> dict[str, Any]:
    is_current = session.session_key == user_sessions.find_own(request)
    return {"row": session, "device": describe_device(session.user_agent), "is_current": is_current, "method": session.data.get("method", "")}


@signed_in
def profile(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    form = ProfileForm(request.POST if request.method == "POST" else None, initial={"name": user.name})
    refusal, now = None, timezone.now()
    if form.is_valid() and (refusal := quotas.refuse_change(user, now=now)) is None:
        try:
            accounts.rename(user=user, name=form.cleaned_data["name"], actor=actor_of(request), now=now)
        except ValidationError as error:
            form.add_error("name", error)
        else:
            messages.success(request, "Name saved.")
            return redirect("profile")
    response = render(request, "account/profile.html", {"form": form, "refusal": refusal})
    return refusal.apply_to(response) if refusal else response


@signed_in
def display(request: HttpRequest) -> HttpResponse:
    """Keyboard shortcuts, which are stored in the account. Theme and time zone are stored in the browser."""
    if request.method == "POST":
        form = DisplayForm(request.POST)
        form.is_valid()
        accounts.set_single_keys(user=cast(User, request.user), is_on=form.cleaned_data["has_single_keys"])
        messages.success(request, "Saved.")
        return redirect("display")
    return render(request, "account/display.html")


@signed_in
@confirmed
def password(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    form = ChangePasswordForm(user, request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid() and (refusal := quotas.refuse_password_change(user, counts=False, now=timezone.now())) is None:
        hashed = ""
        with throttling.attempt(request, user.email) as refusal:
            now = timezone.now()
            if refusal is None and form.is_proved():
                refusal = quotas.refuse_password_change(user, now=now)
                hashed = make_password(form.cleaned_data["new_password"]) if refusal is None else ""
            elif refusal is None:
                throttling.count_wrong(request, user.email, now=now)
                user_sessions.record_failed_confirmation(user=user, actor=actor_of(request), now=now)
        if hashed:
            _change_password(request, user, hashed)
            messages.success(request, "Password changed. Every other session has ended.")
            changed = redirect("mfa_index")
            known_devices.remember(request, changed, user)
            return changed
    response = render(request, "account/password.html", {"form": form, "refusal": refusal})
    return refusal.apply_to(response) if refusal else response


def _change_password(request: HttpRequest, user: User, hashed: str) -> None:
    now = timezone.now()
    user_sessions.change_key(request)
    kept = user_sessions.find_own(request)
    passwords.set_password(user=user, hashed_password=hashed, kept=kept, actor=actor_of(request), now=now)
    request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    tell("password_changed", user, request=request, now=now)


@signed_in
@require_POST
@confirmed_when_sent
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    user, now = cast(User, request.user), timezone.now()
    session = user_sessions.find_open(user, now=now).filter(pk=pk).first()
    if session is None:
        raise Http404
    if session.session_key == user_sessions.find_own(request):
        return redirect("account_logout")
    user_sessions.end_session(user=user, session=session, actor=actor_of(request), now=now)
    messages.success(request, f"The session of {describe_device(session.user_agent)} has ended.")
    return redirect("mfa_index")


@signed_in
@require_POST
@confirmed_when_sent
def sessions_end(request: HttpRequest) -> HttpResponse:
    ended = user_sessions.end_other_sessions(user=cast(User, request.user), kept=user_sessions.find_own(request), actor=actor_of(request), now=timezone.now())
    messages.success(request, f"{ended} other {'session has' if ended == 1 else 'sessions have'} ended." if ended else "There was no other session.")
    return redirect("mfa_index")
