"""The sign-in form, with our own labels."""

from typing import Any

from allauth.account.forms import LoginForm
from django import forms

from dashboard.frame import fields


class SignInForm(LoginForm):  # type: ignore[misc]  # django-allauth has no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = fields.email(autocomplete="username webauthn", autofocus=True)
        self.fields["password"] = fields.password()


class CodeForm(forms.Form):
    code = fields.code(autofocus=True)


class PasskeyForm(forms.Form):
    credential = fields.CredentialField()
