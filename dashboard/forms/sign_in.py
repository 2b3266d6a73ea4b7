"""The fields of signing in, in our words."""

from typing import Any

from allauth.account.forms import LoginForm
from allauth.mfa.base.forms import AuthenticateForm
from django import forms


class SignInForm(LoginForm):  # type: ignore[misc]  # django-allauth has no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = forms.EmailField(
            label="Email",
            max_length=254,
            widget=forms.EmailInput(attrs={"autocomplete": "username webauthn", "autofocus": True}),
            error_messages={"required": "Enter your email address.", "invalid": "Enter an email address, for example ana@example.com."},
        )
        self.fields["password"] = forms.CharField(
            label="Password",
            strip=False,
            max_length=1024,
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
            error_messages={"required": "Enter your password.", "max_length": "A password has at most 1,024 characters."},
        )


class CodeForm(AuthenticateForm):  # type: ignore[misc]  # django-allauth has no types
    code = forms.CharField(
        label="Code",
        max_length=32,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
        error_messages={"required": "Enter the code.", "max_length": "A code has 6 or 8 digits."},
    )
