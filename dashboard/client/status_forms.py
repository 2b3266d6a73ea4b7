"""Forms for disabling and deleting a client."""

from typing import Any

from django import forms

from clients.models import Client


class DisablingForm(forms.Form):
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=200,
        help_text="Kept in the audit log.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"max_length": "A reason can have at most 200 characters."},
    )


class ClientDeletionForm(forms.Form):
    name = forms.CharField(
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
    )

    def __init__(self, *args: Any, client: Client, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["name"]
        field.label = f"Type {client.name} to confirm"
        field.help_text = "This can’t be undone."
        field.widget.attrs.update({"data-unlocks": "go", "data-must": client.name, "data-hint": f"Type {client.name} to confirm"})
        field.error_messages.update(required=f"Type {client.name} exactly.", max_length=f"Type {client.name} exactly.")
