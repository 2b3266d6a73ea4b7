"""Adapts django-allauth: who may join, where a sign-in leads, which address an email names, and how second factors are stored."""

import time
from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.app_settings import REAUTHENTICATION_TIMEOUT
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme

from clients import key_encryption
from dashboard.models import User
from dashboard.people import account_events, known_devices, second_factors, user_sessions
from dashboard.people.caller import actor_of, connection_of
from dashboard.people.notices import tell
from dashboard.people.password_origin import find_origin
from dashboard.people.proved_factors import has_proved_one
from dashboard.people.sign_in_flow import clear_login, get_authentication_records
from dashboard.people.sso import sign_in as sso_sign_in
from dashboard.people.sso.admission import RefusedError, record_refusal
from dashboard.people.sso.identity import Identity
from dashboard.people.sso.record import proved_at

_CONTEXT = "second factor"
# The session key, during a sign-in, for the account's get_session_auth_hash at its first step.
_PROVED_OF = "sign_in_proved_of"
# The session key for the Identity that the account will be linked with at the end, or None.
_TO_LINK = "sign_in_to_link"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # django-allauth has no types
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "Email or password is wrong.",
        "enter_current_password": "That isn’t your current password. Enter it again.",
        "incorrect_password": "The password is wrong. Enter it again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002  # allauth's signature
        """People join by invitation."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that the server determined. A connection without an address, such as a Unix socket's, shows as 0.0.0.0."""
        return connection_of(request).remote_address or "0.0.0.0"  # noqa: S104  # not an address to listen on

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """The first step is done: record the account's state at this proof."""
        request.session[_PROVED_OF] = user.get_session_auth_hash()
        request.session[_TO_LINK] = (kwargs["signal_kwargs"] or {}).get("identity")
        return cast("HttpResponse | None", super().pre_login(request, user, **kwargs))

    def login(self, request: HttpRequest, user: User) -> None:
        """The last step of every sign-in. If the password was changed or the account disabled since the first step, the user has to start again."""
        proved_of, to_link = request.session.pop(_PROVED_OF, ""), request.session.pop(_TO_LINK, None)
        present = User.objects.get(pk=user.pk)
        if not present.is_active:
            raise ImmediateHttpResponse(self.respond_user_inactive(request, user))
        if not constant_time_compare(proved_of, present.get_session_auth_hash()):
            messages.error(request, "The password was changed in the meantime. Sign in again.")
            raise ImmediateHttpResponse(redirect("account_login"))
        if to_link is not None:
            _link(request, user, to_link)
        super().login(request, user)

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        now, method = timezone.now(), user_sessions.say_method(get_authentication_records(request, user))
        response: HttpResponse = super().post_login(request, user, **kwargs)
        user_sessions.open_session(request, user=user, method=method, actor=actor_of(request), now=now)
        request.session[user_sessions.NOTED] = now.timestamp()
        if not known_devices.is_known(request, user):
            known_devices.remember(request, response, user)
            tell("new_device", user, request=request, now=now, method=method)
            _propose_own_password(request, user)
            _propose_passkey(request, user)
        return response

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:  # noqa: ARG002  # allauth's signature
        """The page for a user with a complete proof whose account is disabled. A user with only a password gets the page for a wrong password."""
        clear_login(request)
        messages.error(request, "This account is disabled. Ask the administrator of this instance.")
        return redirect("account_login")

    def logout(self, request: HttpRequest) -> None:
        user, actor = request.user, actor_of(request)
        super().logout(request)
        if isinstance(user, User):
            account_events.record_sign_out(user=user, actor=actor, now=timezone.now())

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """No messages, because the next page shows what happened."""

    def is_safe_url(self, url: str | None) -> bool:
        """Whether the URL is on this instance, under the host name that the browser uses."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts={self.request.get_host()}, require_https=True)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:  # noqa: ARG002  # allauth's signature
        """A recent sign-in counts as a proof, with two exceptions: a single sign-on at which the provider asked nothing, and a session from before the account
        had a second factor. If the account has one, a proof by password alone, here or at the provider, doesn't count.
        """
        user = cast(User, self.request.user)
        records, has_strong = get_authentication_records(self.request, user), second_factors.has_strong(user)
        if has_strong:
            records = [record for record in records if record["method"] == "mfa" or record.get("second_factor")]
        is_long_ago = time.time() - max(map(proved_at, records), default=0) >= REAUTHENTICATION_TIMEOUT
        return bool(is_long_ago or (has_strong and not has_proved_one(self.request)))


def _link(request: HttpRequest, user: User, kept: dict[str, Any]) -> None:
    """Link the account with the person at the OpenID provider who started the sign-in. Raise ImmediateHttpResponse if that is no longer possible."""
    identity, now = Identity(**{**kept, "groups": frozenset(kept["groups"])}), timezone.now()
    try:
        sso_sign_in.link(request, user=user, identity=identity, now=now)
    except RefusedError as refused:
        record_refusal(refused=refused, actor=actor_of(request), now=now)
        clear_login(request)
        messages.error(request, f"Your account can no longer be connected to {settings.SSO_NAME}. Sign in as before.")
        raise ImmediateHttpResponse(redirect("account_login")) from None


def _propose_own_password(request: HttpRequest, user: User) -> None:
    """This page is shown once in each browser to users whose password was printed or set by a command."""
    origin = find_origin(user)
    if origin is not None and origin.is_by_operator:
        said = 'The operator of this instance set your password and may know it. <a href="{}">Choose your own</a>'
        messages.warning(request, format_html(said, reverse("account_change_password")))


def _propose_passkey(request: HttpRequest, user: User) -> None:
    """This page is shown once in each browser to users who only have a password."""
    if user.has_usable_password() and not second_factors.has_strong(user):
        proposal = format_html('Sign in faster and more safely with a passkey. <a href="{}">Add passkey</a>', reverse("passkey_new"))
        messages.info(request, proposal)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # django-allauth has no types
    """Encrypts the secrets of one-time codes under KEY_ENCRYPTION_KEYS, like private keys."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is wrong or has been used. Enter the current one.",
    }

    def encrypt(self, text: str) -> str:
        return key_encryption.encrypt(text.encode(), context=_CONTEXT)

    def decrypt(self, encrypted_text: str) -> str:
        return key_encryption.decrypt(encrypted_text, context=_CONTEXT).decode()
