"""What makes a workspace."""

from django import forms

from clients.models.workspace import validate_slug
from dashboard.frame.fields import TextField


class WorkspaceForm(forms.Form):
    name = TextField(
        named="name",
        label="Name",
        max_length=100,
        help_text="As people call it. You can change it later.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
        error_messages={"required": "Enter a name, for example Billing.", "max_length": "A name has up to 100 characters."},
    )
    slug = forms.CharField(
        label="Slug",
        max_length=63,
        validators=[validate_slug],
        help_text="Stands in addresses and tokens, for example billing. It stays as it is.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
        error_messages={"required": "Enter a slug, for example billing.", "max_length": "A slug has up to 63 characters."},
    )
