"""Forms for making a hand-over link, and for the public key that its recipient may submit instead of taking a secret."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from clients.duration import parse_duration
from clients.models import Client
from clients.policy import ClientPolicy
from clients.public_key import ParsedPublicKey
from dashboard.client.credentials.forms import expiry, pasted
from dashboard.frame.fields import Radios
from dashboard.frame.once import OnceForm
from dashboard.instance.mail.addresses import clean_address

# The recipient of a link must not learn about the workspace's other clients.
_FOR_STRANGERS: dict[str | None, Any] = {
    "private_key": pasted.PRIVATE_KEY,
    "key_of_another": "This key is already known here. Make a new key pair for this client.",
}
LINK_LIVES = {"1h": "1 hour", "24h": "24 hours", "7d": "7 days"}


class HandOverForm(OnceForm):
    recipient = forms.CharField(
        label="For whom",
        required=False,
        max_length=254,
        help_text="A name or an email address. It is shown in the audit log, beside the secret, and on the link’s page.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"max_length": "Use at most 254 characters."},
    )
    lifetime = forms.ChoiceField(
        label="The link works for",
        choices=list(LINK_LIVES.items()),
        initial="24h",
        widget=Radios,
        error_messages={"required": "Choose how long the link works.", "invalid_choice": "Choose how long the link works."},
    )
    sends = forms.BooleanField(label="Mail the link to that address", required=False)

    def __init__(self, data: Any = None, *, client: Client) -> None:
        super().__init__(data)
        if client.takes_secret:
            policy = ClientPolicy.of(client.workspace)
            wrong = {"required": "Choose when the secret expires.", "invalid_choice": "Choose when the secret expires."}
            self.fields["secret_expiry"] = forms.ChoiceField(
                label="The secret expires",
                choices=expiry.choices_without_date(policy),
                initial=expiry.default(policy),
                widget=Radios,
                error_messages=wrong,
            )

    def clean_lifetime(self) -> timedelta:
        return parse_duration(self.cleaned_data["lifetime"])

    def clean_secret_expiry(self) -> timedelta:
        return expiry.read_choice(self.cleaned_data["secret_expiry"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("sends") and "recipient" in cleaned:
            try:
                clean_address(cleaned["recipient"].strip())
            except ValidationError:
                self.add_error("recipient", "To mail the link, enter an email address, for example jonas@example.com.")
        return cleaned


class HandedKeyForm(forms.Form):
    """cleaned_data["key"]: a ParsedPublicKey."""

    public_key = pasted.public_key()
    file = pasted.chosen_file("id_public_key")

    def __init__(self, *args: Any, client: Client, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.client = client

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        try:
            cleaned["key"] = self._read(cleaned)
        except ValidationError as error:
            self.add_error("public_key", error)
        return cleaned

    def _read(self, cleaned: dict[str, Any]) -> ParsedPublicKey:
        try:
            text, file, client = cleaned.get("public_key", ""), cleaned.get("file"), self.client
            keys = pasted.read_pasted_keys(text, file, workspace=client.workspace, of=client, is_stranger=True)
        except ValidationError as error:
            code = error.error_list[0].code
            raise ValidationError(_FOR_STRANGERS.get(code, error.messages), code=code) from None
        if not keys:
            raise ValidationError("Paste the public key of your key pair.")
        if len(keys) > 1:
            raise ValidationError("That is a set of several keys, but the link accepts only one. Paste the one that you will use.")
        return keys[0]
