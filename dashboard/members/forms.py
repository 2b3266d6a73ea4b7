"""Forms for inviting people, changing their role, removing them, and accepting an invitation."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from dashboard.frame.fields import Radios, TextField, check_password_of, new_password
from dashboard.models import Membership, User
from dashboard.people.made_links import count_by_role
from dashboard.people.permissions import Permission, may, roles_up_to

Role = Membership.Role

ROLE_SENTENCES: Mapping[str, str] = {
    Role.VIEWER: "Sees everything, changes nothing",
    Role.DEVELOPER: "Creates clients, rotates and revokes credentials",
    Role.ADMIN: "Also manages members, scopes and settings",
    Role.OWNER: "Also manages owners and retention, and can delete the workspace",
}


def role_field(by: Membership, initial: str) -> forms.ChoiceField:
    """The field for the roles that by may give."""
    choices = [(role.value, role.label) for role in roles_up_to(by.role)]
    words = {"required": "Choose a role.", "invalid_choice": "Choose a role."}
    return forms.ChoiceField(label="Role", choices=choices, initial=initial, widget=Radios, error_messages=words)


class InvitationForm(forms.Form):
    emails = forms.CharField(
        label="Email addresses",
        max_length=20_000,
        help_text="One per line.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false", "autocapitalize": "off", "data-counts": "invite"}),
        error_messages={
            "required": "Enter an email address, for example ana@example.com.",
            "max_length": "That is too much text. Use at most 50 addresses, one per line.",
        },
    )

    def __init__(self, *args: Any, by: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        self.fields["role"] = role_field(by, Role.VIEWER)

    def clean_emails(self) -> list[str]:
        """Pasted lists may be separated by commas and semicolons."""
        text: str = self.cleaned_data["emails"]
        return text.replace(",", "\n").replace(";", "\n").split()

    def roles(self) -> list[dict[str, Any]]:
        """The roles that can be chosen, each with a description, for the template."""
        chosen = self["role"].value()
        return [{"role": role, "sentence": ROLE_SENTENCES[role], "is_chosen": role == chosen} for role in roles_up_to(self.by.role)]


class RoleForm(forms.Form):
    def __init__(self, *args: Any, by: Membership, of: Membership, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = role_field(by, of.role)
        self.by, self.of, self.now = by, of, now

    def roles(self) -> list[dict[str, Any]]:
        """Like InvitationForm's, with what the person gains and loses with each role, and which of their links would be withdrawn."""
        chosen, found = self["role"].value(), []
        withdrawn = count_by_role(user=self.of.user, workspace=self.of.workspace, now=self.now)
        for role in roles_up_to(self.by.role):
            other = Membership(role=role)
            gains = [permission.value for permission in Permission if may(other, permission) and not may(self.of, permission)]
            loses = [permission.value for permission in Permission if may(self.of, permission) and not may(other, permission)]
            said = {"gains": gains, "loses": loses, "withdrawn": withdrawn[role]}
            found.append({"role": role, **said, "is_chosen": role == chosen, "is_present": role == self.of.role})
        return found


class HeirField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic only in its stubs
    def label_from_instance(self, obj: Membership) -> str:
        name = obj.user.shown_name
        return name if name == obj.user.email else f"{name} ({obj.user.email})"


class RemovalForm(forms.Form):
    """The form has no field if the person isn't a client's contact."""

    heir = HeirField(
        label="New owner of the clients",
        queryset=Membership.objects.none(),
        empty_label=None,
        error_messages={"required": "Choose the new owner of the clients.", "invalid_choice": "Choose another member of this workspace."},
    )

    def __init__(self, *args: Any, heirs: QuerySet[Membership], needs_heir: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if needs_heir:
            self.fields["heir"].queryset = heirs  # type: ignore[attr-defined]  # a ModelChoiceField
        else:
            del self.fields["heir"]


class JoinForm(forms.Form):
    """A new account for a person without one. Its address is the invitation's."""

    name = TextField(
        named="name",
        label="Your name",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": "Enter your name, for example Ana Ruiz.", "max_length": "A name can have at most 100 characters."},
    )
    password = new_password()

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email
        self.fields["password"].label = "Password"

    def clean(self) -> dict[str, Any]:
        password = self.cleaned_data.get("password")
        if password:
            try:
                check_password_of(User(email=self.email, name=self.cleaned_data.get("name", "")), password)
            except ValidationError as error:
                self.add_error("password", error)
        return self.cleaned_data
