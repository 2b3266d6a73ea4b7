"""The form for a new workspace."""

from django import forms

from clients.models.workspace import validate_slug
from dashboard.frame.fields import TextField


class WorkspaceForm(forms.Form):
    name = TextField(
        named="name",
        label="Name",
        max_length=100,
        help_text="The display name. You can change it later.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
        error_messages={"required": "Enter a name, for example Billing.", "max_length": "A name can have at most 100 characters."},
    )
    slug = forms.CharField(
        label="Slug",
        max_length=63,
        validators=[validate_slug],
        help_text="Used in URLs and tokens, for example billing. It can’t be changed.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
        error_messages={"required": "Enter a slug, for example billing.", "max_length": "A slug can have at most 63 characters."},
    )
