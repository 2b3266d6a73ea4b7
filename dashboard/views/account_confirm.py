"""“Prove it is you”, between asking for a sensitive act and doing it (dashboard.confirmation)."""

from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from dashboard import confirmation, passkeys, second_factors, throttling, user_sessions
from dashboard.caller import actor_of
from dashboard.forms.account import ConfirmForm
from dashboard.forms.sign_in import PasskeyForm
from dashboard.models import User
from dashboard.notices import tell
from dashboard.permissions import signed_in


@signed_in
@never_cache
def confirm(request: HttpRequest) -> HttpResponse:
    """A passkey; or the password and, where the account has second factors, a code."""
    user = cast(User, request.user)
    asked = {"asks_password": user.has_usable_password(), "asks_code": second_factors.has_strong(user)}
    wanted = request.POST.get("next") or request.GET.get("next", "")
    path = wanted if wanted.startswith("/") and get_adapter(request).is_safe_url(wanted) else reverse("home")
    form: Any = ConfirmForm(**asked)
    refusal = None
    if request.method == "POST":
        form = PasskeyForm(request.POST) if "credential" in request.POST else ConfirmForm(request.POST, **asked)
        with throttling.attempt(request, user.email, takes_password="credential" not in request.POST) as refusal:
            if refusal is None and form.is_valid():
                proved = _check(request, user, form)
                if proved:
                    _record(request, user, proved)
                    return confirmation.resume(request, path)
    has_passkey = second_factors.of(user, Authenticator.Type.WEBAUTHN).exists()
    context = {
        "form": form,
        "secret_form": form if isinstance(form, ConfirmForm) else ConfirmForm(**asked),
        "request_options": passkeys.authentication_options(user) if has_passkey else None,
        "has_fields": any(asked.values()),
        "next": path,
        "refusal": refusal,
    }
    response = render(request, "accounts/confirm.html", context)
    return refusal.apply_to(response) if refusal else response


def _check(request: HttpRequest, user: User, form: Any) -> list[dict[str, Any]]:
    """What was proved, as django-allauth records it; nothing, with the error in form, where something is wrong."""
    actor, now = actor_of(request), timezone.now()
    if isinstance(form, PasskeyForm):
        try:
            passkey = passkeys.check_authentication(user, form.cleaned_data["credential"])
        except ValidationError as error:
            form.add_error(None, error)
            return _refuse(request, user)
        second_factors.record_use(factor=passkey, actor=actor, now=now)
        return [{"method": "mfa", "id": passkey.pk, "type": passkey.type}]
    proved: list[dict[str, Any]] = []
    if "password" in form.fields:
        if not user.check_password(form.cleaned_data["password"]):
            form.add_error("password", "That isn’t your password. Enter it again.")
            return _refuse(request, user)
        proved.append({"method": "password"})
    if "code" in form.fields:
        factor = None if throttling.has_guessed_too_often(user, now=now) else _use_code(request, user, form.cleaned_data["code"])
        if factor is None:
            throttling.count_wrong_code(user, now=now)
            form.add_error("code", "That code is wrong or was used. Codes change every 30 s.")
            return _refuse(request, user)
        proved.append({"method": "mfa", "id": factor.pk, "type": factor.type})
    return proved


def _use_code(request: HttpRequest, user: User, code: str) -> Any | None:
    now = timezone.now()
    factor = second_factors.use_code(user=user, code=code, actor=actor_of(request), now=now)
    if factor is not None and factor.type == Authenticator.Type.RECOVERY_CODES:
        tell("recovery_code_used", user, request=request, now=now, left=second_factors.count_recovery_codes(factor))
    return factor


def _refuse(request: HttpRequest, user: User) -> list[dict[str, Any]]:
    now = timezone.now()
    throttling.count_wrong(request, user.email, now=now)
    user_sessions.record_failed_confirmation(user=user, actor=actor_of(request), now=now)
    return []


def _record(request: HttpRequest, user: User, proved: list[dict[str, Any]]) -> None:
    for record in proved:
        record_authentication(request, user, record["method"], **{k: v for k, v in record.items() if k != "method"}, reauthenticated=True)
    user_sessions.record_confirmation(user=user, method=user_sessions.say_method(proved), actor=actor_of(request), now=timezone.now())
