"""The settings of a workspace: name and policies, scopes, retention, deletion."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError

from clients.models import Client
from clients.policy import MAX_LIFETIME_DAYS, MAX_TOKEN_SECONDS, MAX_UNUSED_DAYS, MIN_TOKEN_SECONDS, MIN_UNUSED_DAYS
from clients.scope import MAX_SCOPE_LENGTH, validate_scope_name
from clients.services.retention import AUDIT_DAYS, REQUEST_DAYS
from dashboard.frame.credential_names import METHOD_SENTENCES
from dashboard.frame.fields import Checkboxes, TextField
from dashboard.people.permissions import Role


class NumberField(forms.IntegerField):
    """A whole number in a range, or nothing."""

    def __init__(self, *, label: str, unit: str, least: int, most: int, help_text: str = "") -> None:
        words = f"Enter a whole number of {unit} from {least:,} to {most:,}, or leave it empty."
        super().__init__(
            label=label,
            required=False,
            min_value=least,
            max_value=most,
            help_text=help_text,
            widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
            error_messages={"invalid": words, "min_value": words, "max_value": words},
        )


class SettingsForm(forms.Form):
    name = TextField(
        named="name",
        label="Name",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter a name, for example Billing.", "max_length": "A name can have at most 100 characters."},
    )
    allowed_auth_methods = forms.MultipleChoiceField(
        label="Allowed methods",
        choices=[(method, method) for method in Client.AuthMethod.values],
        widget=Checkboxes,
        error_messages={"required": "Allow at least one method.", "invalid_choice": "That isn’t a method. Choose from the list."},
    )
    default_secret_lifetime_days = NumberField(
        label="Default secret lifetime in days",
        unit="days",
        least=1,
        most=MAX_LIFETIME_DAYS,
        help_text="For new secrets, unless somebody chooses another. Leave empty for no default.",
    )
    max_secret_lifetime_days = NumberField(
        label="Maximum secret lifetime in days",
        unit="days",
        least=1,
        most=MAX_LIFETIME_DAYS,
        help_text="Every new secret must expire within this time. Leave empty for no limit.",
    )
    requires_secret_expiry = forms.BooleanField(label="Require an expiry date for new secrets", required=False)
    max_token_lifetime = NumberField(
        label="Maximum token lifetime in seconds",
        unit="seconds",
        least=MIN_TOKEN_SECONDS,
        most=MAX_TOKEN_SECONDS,
        help_text="3,600 is one hour. Leave empty to use each client’s own, up to 24 hours.",
    )
    disable_unused_after_days = NumberField(
        label="Disable clients after this many days without use",
        unit="days",
        least=MIN_UNUSED_DAYS,
        most=MAX_UNUSED_DAYS,
        help_text="Recently created or enabled clients are skipped. Leave empty to turn off.",
    )
    live_clients_from = forms.ChoiceField(
        label="Who can create live clients",
        choices=[(Role.DEVELOPER, "Developers, admins and owners"), (Role.ADMIN, "Admins and owners"), (Role.OWNER, "Owners only")],
        help_text="Anyone who can create clients can create test clients. Your APIs must tell test from live: the docs say how.",
        error_messages={"required": "Choose who can create live clients.", "invalid_choice": "Choose developers, admins or owners."},
    )
    requires_second_factor = forms.BooleanField(label="Require a second factor for every member", required=False)
    requires_sso = forms.BooleanField(label="Require single sign-on", required=False)
    seen = forms.CharField(
        max_length=64,
        widget=forms.HiddenInput,
        error_messages={"required": "This page was open too long. Check the settings and save them again."},
    )

    def __init__(self, *args: Any, has_sso: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_sso:
            del self.fields["requires_sso"]

    def clean(self) -> dict[str, Any]:
        default, longest = self.cleaned_data.get("default_secret_lifetime_days"), self.cleaned_data.get("max_secret_lifetime_days")
        if default is not None and longest is not None and default > longest:
            self.add_error("default_secret_lifetime_days", f"The default can’t be longer than the maximum of {longest:,} day{'s' if longest != 1 else ''}.")
        return self.cleaned_data

    def methods(self) -> list[dict[str, Any]]:
        """The boxes with their descriptions, for the template."""
        return [{"box": box, "sentence": METHOD_SENTENCES[str(box.data["value"])]} for box in self["allowed_auth_methods"]]

    def changes(self, present: Mapping[str, Any]) -> list[dict[str, str]]:
        """The differences from the current settings, in words: label, before and after. For lists, the removed and the added values, "" for none."""
        found = []
        for name, field in self.fields.items():
            if name not in present or self.cleaned_data[name] == present[name]:
                continue
            before, after = present[name], self.cleaned_data[name]
            if isinstance(before, list):
                before, after = [item for item in before if item not in after], [item for item in after if item not in before]
            found.append({"label": str(field.label), "before": self._say(name, before), "after": self._say(name, after)})
        return found

    def _say(self, name: str, value: Any) -> str:
        if name == "live_clients_from":
            return str(dict(self.fields[name].choices)[value])  # type: ignore[attr-defined]  # a ChoiceField
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, list):
            return ", ".join(value)
        return f"{value:,}" if isinstance(value, int) else str(value or "not set")

    def as_query(self) -> str:
        """The form's data, for the report's URL: nothing in it is secret."""
        return urlencode([(name, value) for name in self.fields for value in self.data.getlist(name)])  # type: ignore[attr-defined]  # always a QueryDict

    def add_errors_of(self, error: ValidationError) -> None:
        """Add a service's errors. Errors of fields that this form lacks are shown above it."""
        for name, messages in error.message_dict.items() if hasattr(error, "error_dict") else [("", error.messages)]:
            self.add_error(name if name in self.fields else None, messages)


class ScopeForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=MAX_SCOPE_LENGTH,
        validators=[validate_scope_name],
        help_text="The name that programs request. It can’t be changed later.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
        error_messages={"required": "Enter a name, for example orders:read.", "max_length": f"A scope can have at most {MAX_SCOPE_LENGTH} characters."},
    )
    description = TextField(
        named="description",
        label="Description",
        required=False,
        max_length=200,
        help_text="What it allows, for people who choose scopes.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"max_length": "A description can have at most 200 characters."},
    )


class ScopeSentenceForm(ScopeForm):
    name = None  # type: ignore[assignment]  # Django's way to leave a field out


class RetentionForm(forms.Form):
    request_retention_days = NumberField(label="Requests, days", unit="days", least=REQUEST_DAYS[0], most=REQUEST_DAYS[1], help_text="30 to 400.")
    audit_retention_days = NumberField(label="Audit events, days", unit="days", least=AUDIT_DAYS[0], most=AUDIT_DAYS[1], help_text="400 or more.")


class DeletionForm(forms.Form):
    slug = forms.CharField(
        max_length=63,
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
    )

    def __init__(self, *args: Any, slug: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["slug"].label = f"Type {slug} to confirm"
        self.fields["slug"].help_text = "For 7 days, you and every other owner can still keep it."
        self.fields["slug"].widget.attrs.update({"data-unlocks": "go", "data-must": slug, "data-hint": f"Type {slug} to confirm"})
        self.fields["slug"].error_messages.update(required=f"Type {slug} exactly.", max_length=f"Type {slug} exactly.")


class SecretEndsForm(forms.Form):
    """days: counted from now."""

    days = forms.IntegerField(
        label="Days until they expire",
        min_value=1,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, most: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = f"Enter a whole number of days from 1 to {most:,}."
        field = self.fields["days"]
        field.validators.append(forms.IntegerField(max_value=most).validators[-1])
        field.error_messages.update(required=words, invalid=words, min_value=words, max_value=words)
