"""The form for changing a client: all fields except its environment."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from clients.models import Client
from clients.policy import ClientPolicy
from clients.services.client_changes import ClientChanges, fingerprint, read_fields
from dashboard.client import fields as client_fields
from dashboard.frame.typography import messages_of


class ClientSettingsForm(forms.Form):
    """seen: the client's fingerprint when the form was made. Fields are named as in Client."""

    name = client_fields.name()
    contact = client_fields.contact()
    description = client_fields.description()
    auth_methods = client_fields.auth_methods()
    allowed_networks = client_fields.allowed_networks()
    require_dpop = client_fields.require_dpop()
    require_certificate = client_fields.require_certificate()
    jwks_uri = client_fields.JWKSURIField()
    tls_subject_type = client_fields.tls_subject_type()
    tls_subject = client_fields.tls_subject()
    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, client: Client) -> None:
        super().__init__(data, initial={**read_fields(client), "seen": fingerprint(client)})
        self.client = client
        self.fields["tags"] = client_fields.TagsField(kept=client.tags)
        self.fields["audiences"] = client_fields.audiences(client.audiences)
        self.fields["audiences"].help_text = client_fields.say_audiences(client.workspace)
        self.fields["scopes"] = client_fields.scopes(client.workspace, client.scopes)
        self.fields["token_lifetime"] = client_fields.token_lifetime(client.token_lifetime, client.workspace.max_token_lifetime)

    def clean_auth_methods(self) -> list[str]:
        """The methods in the order of the list. A method that the workspace no longer allows can stay as long as the methods aren't changed."""
        methods: list[str] = self.cleaned_data["auth_methods"]
        if set(methods) == set(self.client.auth_methods):
            return list(self.client.auth_methods)
        ClientPolicy.of(self.client.workspace).require_auth_methods(methods)
        return methods

    def clean_scopes(self) -> list[str]:
        return client_fields.in_order(self.cleaned_data["scopes"], self.client.scopes)

    def clean(self) -> dict[str, Any]:
        client_fields.check_methods(self)
        return self.cleaned_data

    def values(self) -> ClientChanges:
        """The arguments for the services."""
        entries = {name: value for name, value in self.cleaned_data.items() if name != "seen"}
        return {**entries, "token_lifetime": timedelta(seconds=entries["token_lifetime"])}  # type: ignore[typeddict-item]  # the fields above

    def plain_values(self) -> dict[str, Any]:
        """The values as in a client's columns."""
        return {name: value for name, value in self.cleaned_data.items() if name != "seen"}

    def add_errors_of(self, error: ValidationError) -> None:
        """Add a service's errors, which don't name fields."""
        self.add_error(None, messages_of(error))

    def scope_groups(self) -> list[tuple[str, list[Any]]]:
        return client_fields.group_scopes(self["scopes"])

    def methods(self) -> list[dict[str, Any]]:
        """The boxes with their descriptions, for the template."""
        forbidden = ClientPolicy.of(self.client.workspace).forbidden_auth_methods
        present = self.client.auth_methods
        boxes = [{"box": box, "is_forbidden": str(box.data["value"]) in forbidden} for box in self["auth_methods"]]
        return [row for row in boxes if not row["is_forbidden"] or str(row["box"].data["value"]) in present]  # type: ignore[attr-defined]  # a BoundWidget


def with_entries(client: Client, values: Mapping[str, Any]) -> ClientSettingsForm:
    """A form for the client's current state that contains somebody's entries. values: named as a client's columns."""
    data, blank = QueryDict(mutable=True), ClientSettingsForm(client=client)
    for name, field in blank.fields.items():
        value = fingerprint(client) if name == "seen" else field.prepare_value(values[name])
        if isinstance(value, list):
            data.setlist(name, value)
        elif value is not False:
            data[name] = "on" if value is True else str(value)
    return ClientSettingsForm(data, client=client)
