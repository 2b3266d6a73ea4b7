"""Signing in to the admin by e-mail address and password, and changing that password.

An unknown address, a wrong password, and an account that may not enter get the same answer after the same work. Failures are counted per account and
address, and per address: nobody can lock another person out from elsewhere. A process checks one password at a time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, cast

from django import forms
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, UsernameField
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from dashboard import services
from dashboard.caller import actor_of, connection_of
from dashboard.models import User
from oauth.throttling import FailureKeys, count_failure, failure_keys, network_of, seconds_to_wait

# Argon2 takes 100 MB and every core for each password, right or wrong, and anybody may send one. Whoever waits for his turn holds one of Django's
# threads (dashboard/asgi.py), of which health checks need some too, so few may.
MOST_AT_ONCE = 3
waiting: set[str] = set()
_waiting = Lock()
_turn = Lock()
BUSY_SECONDS = 2


@contextmanager
def _place(network: str) -> Iterator[bool]:
    """Wait for one's turn; False where that isn't possible. A network has one place, so that a flood from there leaves the others to everybody else."""
    with _waiting:
        is_free = network not in waiting and len(waiting) < MOST_AT_ONCE
        if is_free:
            waiting.add(network)
    if not is_free:
        yield False
        return
    try:
        with _turn:
            yield True
    finally:
        with _waiting:
            waiting.discard(network)


def _failure_keys(email: str, request: HttpRequest) -> FailureKeys:
    """Apart from those of clients: a person who mistypes mustn't stop the clients behind the same address."""
    keys = failure_keys(name=f"sign-in {email.strip().lower()}", address=connection_of(request).remote_address)
    return FailureKeys(keys.client_and_address, f"sign-in {keys.address}" if keys.address else "")


class SignInForm(AuthenticationForm):
    error_messages = {"invalid_login": "No account that may enter here has this e-mail address and password. Check both and try again."}

    username = UsernameField(label="E-mail address", max_length=254, widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"}))

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        if not (isinstance(user, User) and user.is_active and user.is_staff):
            raise self.get_invalid_login_error()


class PasswordForm(PasswordChangeForm):
    error_messages = {**PasswordChangeForm.error_messages, "password_incorrect": "That isn't your present password. Enter it again."}


class _ThrottledMixin:
    """For a view whose form takes a password: while too many were wrong, or too many are waiting to be checked, none is looked at."""

    request: HttpRequest
    named_email: Callable[[], str]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wait = seconds_to_wait(_failure_keys(self.named_email(), request), now=timezone.now())
        if wait:
            return self._refuse(429, wait, wait=wait)
        with _place(network_of(connection_of(request).remote_address)) as is_free:
            if not is_free:
                return self._refuse(503, BUSY_SECONDS, is_busy=True)
            return super().post(request, *args, **kwargs)  # type: ignore[misc,no-any-return]  # the view's

    def count_failure(self) -> None:
        now = timezone.now()
        count_failure(_failure_keys(self.named_email(), self.request), now=now)
        services.record_failed_sign_in(email=self.named_email(), actor=actor_of(self.request), now=now)

    def _refuse(self, status: int, retry_after: int, **said: Any) -> HttpResponse:
        view: Any = self
        empty = {name: value for name, value in view.get_form_kwargs().items() if name not in ("data", "files")}
        context = view.get_context_data(form=view.get_form_class()(**empty), **said)
        response: HttpResponse = view.render_to_response(context, status=status, headers={"Retry-After": str(retry_after)})
        return response


class SignInView(_ThrottledMixin, LoginView):
    authentication_form = SignInForm
    template_name = "admin/login.html"

    def named_email(self) -> str:
        return self.request.POST.get("username", "")

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        services.record_sign_in(user=form.get_user(), actor=actor_of(self.request), now=timezone.now())
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        if form.has_error(NON_FIELD_ERRORS, "invalid_login"):
            self.count_failure()
        return super().form_invalid(form)


class PasswordView(_ThrottledMixin, PasswordChangeView):
    form_class = PasswordForm
    template_name = "registration/password_change_form.html"

    def named_email(self) -> str:
        return cast(User, self.request.user).email

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        services.set_password(user=form.user, password=form.cleaned_data["new_password1"], actor=actor_of(self.request), now=timezone.now())
        # This session stays; all others know the old password and end.
        update_session_auth_hash(self.request, form.user)
        return HttpResponseRedirect(self.get_success_url())

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        if form.has_error("old_password", "password_incorrect"):
            self.count_failure()
        return super().form_invalid(form)
