"""Forms for finding a request by its ID, and for testing a program's request."""

import re
from ipaddress import ip_address
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from clients.redaction import holds_credential
from dashboard.explain.sent_requests.reading import read_sent
from dashboard.explain.sent_requests.sent import MAX_LENGTH, Sent, UnreadableError

_HEADER = re.compile(r"\A\W*x-request-id\W+", re.IGNORECASE)
_REQUEST_ID = re.compile(r"[!-~]{1,128}")


class _RequestIDInput(forms.TextInput):
    """An input that doesn't repeat text that was pasted by mistake."""

    def format_value(self, value: Any) -> str | None:
        return None if not value or holds_credential(str(value)) else str(value)


class RequestIDForm(forms.Form):
    request_id = forms.CharField(
        label="Request ID",
        max_length=300,
        help_text="Every response has one, in the header X-Request-Id.",
        widget=_RequestIDInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
        error_messages={"required": "Enter the X-Request-Id of a response.", "max_length": "A request ID can have at most 128 characters."},
    )

    def clean_request_id(self) -> str:
        """Removes the header's name, which may have been copied with the ID."""
        text = _HEADER.sub("", str(self.cleaned_data["request_id"])).strip().strip("\"'")
        if holds_credential(text):
            raise ValidationError("That looks like a credential, so we didn’t look it up. Test it below, or use Leak response.", code="credential")
        if not _REQUEST_ID.fullmatch(text):
            raise ValidationError("That isn’t a request ID. Copy the value of X-Request-Id.", code="malformed")
        return text


class _PastedInput(forms.Textarea):
    """An input that never shows pasted text again."""

    def format_value(self, value: Any) -> None:  # noqa: ARG002  # Django's signature
        return None


class CredentialTestForm(forms.Form):
    """pasted_credential: cleaned to a Sent."""

    pasted_credential = forms.CharField(
        label="What your program sends",
        max_length=MAX_LENGTH,
        strip=False,
        help_text="A curl command, the request with its headers, a header, a body, an assertion, a DPoP proof, a certificate, or a secret.",
        widget=_PastedInput(attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false", "autocapitalize": "off", "class": "mono"}),
        error_messages={"required": "Paste what your program sends.", "max_length": "This is longer than any request. Paste one request by itself."},
    )
    address = forms.CharField(
        label="From address",
        required=False,
        max_length=64,
        help_text="Where the program calls from. Without it, allowed addresses aren’t checked.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "inputmode": "text"}),
    )

    def clean_pasted_credential(self) -> Sent:
        try:
            return read_sent(str(self.cleaned_data["pasted_credential"]))
        except UnreadableError as error:
            raise ValidationError(str(error), code="unreadable") from None

    def clean_address(self) -> str:
        text = str(self.cleaned_data["address"]).strip()
        try:
            return str(ip_address(text)) if text else ""
        except ValueError:
            raise ValidationError("That isn’t an IP address. Use one such as 203.0.113.5.", code="malformed") from None
