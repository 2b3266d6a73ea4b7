"""Fields that several forms have."""

import json
from typing import Any, cast

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError

from clients.redaction import holds_credential
from clients.services.entered_values import clean_text
from dashboard.people.password_rules import MAX_PASSWORD

# The library reads CBOR in quadratic time. With an RSA key and the longest ID, a response is 9 KB long.
_MAX_CREDENTIAL = 12 * 1024
# NUL in JSON. PostgreSQL stores it neither in text nor in JSON.
_NUL = rb"\u0000"


def password(*, label: str = "Password", **attrs: Any) -> forms.CharField:
    """A field for an existing password."""
    return forms.CharField(
        label=label,
        strip=False,
        max_length=MAX_PASSWORD,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", **attrs}),
        error_messages={"required": "Enter your password.", "max_length": "A password can have at most 1,024 characters."},
    )


def new_password(**attrs: Any) -> forms.CharField:
    return forms.CharField(
        label="New password",
        strip=False,
        max_length=MAX_PASSWORD,
        help_text=" ".join(password_validators_help_texts()),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "data-meter": "12", **attrs}),
        error_messages={"required": "Enter a new password.", "max_length": "A password can have at most 1,024 characters."},
    )


class TextField(forms.CharField):
    """Text for people, on one line and without invisible characters. named: the field's name in its errors."""

    def __init__(self, *, named: str, **options: Any) -> None:
        super().__init__(**options)
        self.named = named

    def prepare_value(self, value: Any) -> Any:
        """Don't repeat a credential that was pasted by mistake."""
        return "" if isinstance(value, str) and holds_credential(value) else super().prepare_value(value)

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if holds_credential(text):
            raise ValidationError(f"The {self.named} looks like a credential, and others can read it. Enter something else.", code="credential")
        return clean_text(text, field=self.named, max_length=cast(int, self.max_length), required=self.required)


def credential_name(label: str = "Name") -> TextField:
    return TextField(
        named="name",
        label=label,
        required=False,
        max_length=100,
        help_text="For your reference, for example where it is used.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"max_length": "A name can have at most 100 characters."},
    )


class CodeInput(forms.TextInput):
    """An input that never shows a code again."""

    def format_value(self, value: Any) -> None:  # noqa: ARG002  # Django's signature
        return None


def code(**attrs: Any) -> forms.CharField:
    return forms.CharField(
        label="Code",
        max_length=32,
        widget=CodeInput(attrs={"autocomplete": "one-time-code", **attrs}),
        error_messages={"required": "Enter the code.", "max_length": "That is too long. A code has 6 digits, a recovery code 12 characters."},
    )


def email(**attrs: Any) -> forms.EmailField:
    return forms.EmailField(
        label="Email",
        max_length=254,
        widget=forms.EmailInput(attrs=attrs),
        error_messages={
            "required": "Enter your email address.",
            "invalid": "Enter an email address, for example ana@example.com.",
            "max_length": "An email address can have at most 254 characters.",
        },
    )


class FirstChoiceTarget:
    """A mixin for a widget with several boxes: errors link to the first box."""

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return f"{id_}_{index or 0}" if id_ else id_


class Checkboxes(FirstChoiceTarget, forms.CheckboxSelectMultiple):
    pass


class Radios(FirstChoiceTarget, forms.RadioSelect):
    pass


class CredentialField(forms.CharField):
    """The response of a browser's passkey, as JSON (WebAuthn Level 3, §5.1), cleaned to a dict."""

    widget = forms.HiddenInput
    default_error_messages = {"required": "No passkey was used. Try again.", "max_length": "The passkey’s response can’t be read. Try again."}

    def __init__(self) -> None:
        super().__init__(max_length=_MAX_CREDENTIAL)

    def clean(self, value: Any) -> dict[str, Any]:
        text = super().clean(value)
        try:
            answer = json.loads(text)
            is_storable = _NUL not in json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, RecursionError):
            # The errors for invalid JSON, half a character in one of its strings, and an endless number.
            answer, is_storable = None, False
        if not isinstance(answer, dict) or not is_storable:
            raise ValidationError("The passkey’s response can’t be read. Try again.", code="malformed")
        return answer


def check_password_of(user: Any, chosen: str) -> str:
    """Raise ValidationError, with one sentence for each fault of the password."""
    validate_password(chosen, user)
    return chosen
