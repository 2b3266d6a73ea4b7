"""The page “Confirm it’s you”, which comes between asking for a sensitive act and doing it (dashboard.frame.confirmation)."""

from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from dashboard.account.forms import ConfirmForm
from dashboard.account.sign_in_forms import PasskeyForm
from dashboard.frame import confirmation
from dashboard.models import User
from dashboard.people import passkeys, quotas, second_factors, throttling, user_sessions
from dashboard.people.caller import actor_of
from dashboard.people.factor_check import check_code, check_passkey
from dashboard.people.passkeys import Purpose
from dashboard.people.permissions import signed_in
from dashboard.people.proved_factors import as_record, record_proofs


@signed_in
@never_cache
def confirm(request: HttpRequest) -> HttpResponse:
    """The proof is a passkey; or the password and, if the account has second factors, a code."""
    user = cast(User, request.user)
    asked = {"asks_password": user.has_usable_password(), "asks_code": second_factors.has_strong(user)}
    wanted = request.POST.get("next") or request.GET.get("next", "")
    path = wanted if wanted.startswith("/") and get_adapter(request).is_safe_url(wanted) else reverse("home")
    form: Any = ConfirmForm(**asked)
    refusal = None
    proved: list[dict[str, Any]] = []
    if request.method == "POST":
        # The proof isn't checked again here, because a code works only once; the response contains no secret.
        if (repeated := confirmation.repeat(request, path)) is not None:
            return repeated
        form = PasskeyForm(request.POST) if "credential" in request.POST else ConfirmForm(request.POST, **asked)
        refusal = quotas.refuse_proof(user, counts=False, now=timezone.now())
        if refusal is None:
            with throttling.attempt(request, user.email, takes_password="credential" not in request.POST) as refusal:
                if refusal is None and form.is_valid():
                    proved = _check(request, user, form)
                    if form.errors:
                        _record_wrong(request, user)
        # Only right proofs count: otherwise somebody with a copy of the session cookie could use up the owner's attempts.
        if proved and (refusal := quotas.refuse_proof(user, now=timezone.now())):
            proved = []
        # This comes after the attempt, because the waiting form may take a long time and must not block others' passwords.
        if proved:
            _record(request, user, proved)
            return confirmation.resume(request, path)
    has_passkey = second_factors.of(user, Authenticator.Type.WEBAUTHN).exists()
    context = {
        "form": form,
        "secret_form": form if isinstance(form, ConfirmForm) else ConfirmForm(**asked),
        "request_options": passkeys.authentication_options(request, user, purpose=Purpose.CONFIRM) if has_passkey else None,
        "has_fields": any(asked.values()),
        "next": path,
        "once": confirmation.one_time_token(request, path),
        "refusal": refusal,
    }
    response = render(request, "account/confirm.html", context)
    return refusal.apply_to(response) if refusal else response


def _check(request: HttpRequest, user: User, form: Any) -> list[dict[str, Any]]:
    """The proof, as django-allauth records it; empty if it is wrong, with the error in form."""
    proved: list[dict[str, Any]] = []
    if "password" in form.fields:
        if not user.check_password(form.cleaned_data["password"]):
            form.add_error("password", "That isn’t your password. Enter it again.")
            return []
        proved.append({"method": "password"})
    if "credential" in form.fields or "code" in form.fields:
        is_passkey = "credential" in form.fields
        factor = check_passkey(request, user, form, purpose=Purpose.CONFIRM) if is_passkey else check_code(request, user, form)
        if factor is None:
            return []
        proved.append(as_record(factor))
    return proved


def _record_wrong(request: HttpRequest, user: User) -> None:
    now = timezone.now()
    throttling.count_wrong(request, user.email, now=now)
    user_sessions.record_failed_confirmation(user=user, actor=actor_of(request), now=now)


def _record(request: HttpRequest, user: User, proved: list[dict[str, Any]]) -> None:
    record_proofs(request, proved)
    user_sessions.record_confirmation(user=user, method=user_sessions.say_method(proved), actor=actor_of(request), now=timezone.now())
