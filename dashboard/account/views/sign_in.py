"""Signing in, by a passkey alone or by the password and then the second factor if there is one; and signing out."""

from typing import Any, cast

from allauth.account.models import Login
from allauth.account.stages import LoginStageController
from allauth.account.views import LoginView, LogoutView
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from dashboard.account.sign_in_forms import CodeForm, PasskeyForm, SignInForm
from dashboard.models import User
from dashboard.people import passkeys, quotas, recovery_codes, second_factors, strangers_attempts, throttling
from dashboard.people.caller import actor_of
from dashboard.people.factor_check import check_code, check_passkey
from dashboard.people.notices import tell
from dashboard.people.passkeys import Purpose
from dashboard.people.permissions import anyone
from dashboard.people.sign_in_flow import get_login_redirect_url, perform_login, record_authentication, stash_login

MAX_WRONG_CODES = 5


class SignInView(LoginView):  # type: ignore[misc]  # django-allauth has no types
    """Checks the password. django-allauth continues from there: to the second factor, or in."""

    form_class = SignInForm
    template_name = "account/sign_in.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Only the form's password check is within the limit. The rest, such as mail and the session, doesn't make others wait."""
        with throttling.attempt(request, self._named_email()) as refusal:
            if refusal is None and NON_FIELD_ERRORS in self.get_form().errors:
                _record_wrong(request, self._named_email(), email=self._named_email())
        if refusal is None:
            return cast(HttpResponse, super().post(request, *args, **kwargs))
        empty = {name: value for name, value in self.get_form_kwargs().items() if name not in ("data", "files")}
        context = self.get_context_data(form=self.get_form_class()(**empty), refusal=refusal)
        return refusal.apply_to(self.render_to_response(context))

    def _named_email(self) -> str:
        return str(self.request.POST.get("login", ""))


class SignOutView(LogoutView):  # type: ignore[misc]  # django-allauth has no types
    template_name = "account/sign_out.html"

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """The data that pages' scripts keep in the browser is cleared with the session."""
        response = cast(HttpResponse, super().post(*args, **kwargs))
        response["Clear-Site-Data"] = '"storage"'
        return response


sign_in = anyone(SignInView.as_view())
sign_out = anyone(SignOutView.as_view())


def _record_wrong(request: HttpRequest, name: str, *, email: str) -> None:
    """name: the key under which it is counted. email: the account's, "" if unknown."""
    now = timezone.now()
    throttling.count_wrong(request, name, now=now)
    strangers_attempts.record_failed_sign_in(email=email, actor=actor_of(request), now=now)


@anyone
@never_cache
def passkey_sign_in(request: HttpRequest) -> HttpResponse:
    """GET, by the sign-in page's script: the request for the browser. POST: its response. A passkey asks for a PIN, finger or face, so it is both factors."""
    if request.user.is_authenticated:
        return redirect(get_login_redirect_url(request))
    if request.method != "POST":
        is_script = request.headers.get("X-Requested-With") == "XMLHttpRequest"
        if not is_script:
            return redirect("account_login")
        return JsonResponse({"request_options": passkeys.authentication_options(request, None, purpose=Purpose.SIGN_IN)})
    form = PasskeyForm(request.POST)
    # A wrong passkey's owner isn't known, so it is counted only for the address: one name for all would lock out everybody's passkeys at that address.
    named = form.cleaned_data["credential"].get("id") if form.is_valid() else None
    name = f"passkey {named:.64}" if isinstance(named, str) else "passkey"
    with throttling.attempt(request, name, takes_password=False) as refusal:
        if refusal is None and form.is_valid():
            passkey = check_passkey(request, None, form, purpose=Purpose.SIGN_IN)
            if passkey is None:
                # name isn't used, because it may be anything but an email address.
                _record_wrong(request, name, email="")
            elif (refusal := quotas.refuse_proof(passkey.user, now=timezone.now())) is None:
                return _enter_by_passkey(request, passkey)
    context = {"form": SignInForm(request=request), "passkey_form": form, "refusal": refusal, "redirect_field_value": request.POST.get("next", "")}
    response = render(request, "account/sign_in.html", context)
    return refusal.apply_to(response) if refusal else response


def _enter_by_passkey(request: HttpRequest, passkey: Any) -> HttpResponse:
    record_authentication(request, passkey.user, "mfa", id=passkey.pk, type=passkey.type, passwordless=True)
    return cast(HttpResponse, perform_login(request, Login(user=passkey.user)))


@anyone
@never_cache
def second_factor(request: HttpRequest) -> HttpResponse:
    """The second step, after the right password: a code, or a passkey."""
    if request.user.is_authenticated:
        return redirect(get_login_redirect_url(request))
    stage = LoginStageController.enter(request, AuthenticateStage.key)
    if stage is None or not second_factors.has_strong(stage.login.user):
        return redirect("account_login")
    user = cast(User, stage.login.user)
    is_passkey = "credential" in request.POST
    form: Any = (PasskeyForm if is_passkey else CodeForm)(request.POST if request.method == "POST" else None)
    refusal = None
    if request.method == "POST":
        with throttling.attempt(request, user.email, takes_password=False) as refusal:
            if refusal is None and form.is_valid():
                factor = check_passkey(request, user, form, purpose=Purpose.SECOND_FACTOR) if is_passkey else check_code(request, user, form)
                if factor is not None:
                    return _enter_by_factor(request, stage, factor)
                if _is_over(request, stage):
                    messages.error(request, "Too many wrong codes. This sign-in has ended; start again.")
                    return cast(HttpResponse, stage.abort())
    response = render(request, "account/second_factor.html", _second_factor_context(request, user, form, is_passkey=is_passkey, refusal=refusal))
    return refusal.apply_to(response) if refusal else response


def _second_factor_context(request: HttpRequest, user: User, form: Any, *, is_passkey: bool, refusal: Any) -> dict[str, Any]:
    has_passkey = second_factors.of(user, Authenticator.Type.WEBAUTHN).exists()
    return {
        "form": form,
        "code_form": CodeForm() if is_passkey else form,
        "has_codes": second_factors.of(user, Authenticator.Type.TOTP).exists(),
        "request_options": passkeys.authentication_options(request, user, purpose=Purpose.SECOND_FACTOR) if has_passkey else None,
        "refusal": refusal,
    }


def _is_over(request: HttpRequest, stage: Any) -> bool:
    """Count a wrong factor. Returns whether the sign-in ends, because it has had too many."""
    user = cast(User, stage.login.user)
    _record_wrong(request, user.email, email=user.email)
    stage.state["wrong"] = stage.state.get("wrong", 0) + 1
    if stage.state["wrong"] < MAX_WRONG_CODES:
        stash_login(request, stage.login)
        return False
    tell("wrong_codes", user, request=request, now=timezone.now())
    return True


def _enter_by_factor(request: HttpRequest, stage: Any, factor: Any) -> HttpResponse:
    user = cast(User, stage.login.user)
    record_authentication(request, user, "mfa", id=factor.pk, type=factor.type)
    response = cast(HttpResponse, stage.exit())
    if factor.type == Authenticator.Type.RECOVERY_CODES:
        messages.warning(request, f"You have {recovery_codes.count_left(factor.data)} of {recovery_codes.CODES} recovery codes left.")
    return response
