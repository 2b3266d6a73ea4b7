"""Signing in: the password, and then the second factor of whoever has one."""

from typing import Any

from allauth.account.views import LoginView
from allauth.mfa.base.views import AuthenticateView
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from dashboard.forms.sign_in import CodeForm, SignInForm
from dashboard.throttling import ThrottledMixin


class SignInView(ThrottledMixin, LoginView):  # type: ignore[misc]  # django-allauth has no types
    form_class = SignInForm
    template_name = "accounts/sign_in.html"

    def named_email(self) -> str:
        return str(self.request.POST.get("login", ""))

    def is_wrong(self, form: Any) -> bool:
        return NON_FIELD_ERRORS in form.errors


@method_decorator(never_cache, name="dispatch")
class SecondFactorView(ThrottledMixin, AuthenticateView):  # type: ignore[misc]  # django-allauth has no types
    form_class = CodeForm
    template_name = "accounts/second_factor.html"
    takes_password = False

    def named_email(self) -> str:
        return str(self.stage.login.user.email)

    def is_wrong(self, form: Any) -> bool:
        return form.has_error("code", "incorrect_code") or "credential" in form.errors


sign_in = SignInView.as_view()
second_factor = SecondFactorView.as_view()
