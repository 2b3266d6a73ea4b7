"""Adds public keys and certificates to a client: they are pasted, read and shown, and added in a second step."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from clients.duration import parse_duration
from clients.models import Client, ClientCertificate, ClientPublicKey
from clients.policy import ClientPolicy
from clients.private_key import find_public_halves
from clients.services.compromised_keys import find_registered
from dashboard.client.credentials.forms import expiry
from dashboard.client.credentials.forms import pasted as pasted_credentials
from dashboard.client.credentials.pasted_facts import describe_certificates, describe_keys, draw_certificates
from dashboard.client.lifeline import Lifeline
from dashboard.frame.fields import credential_name

# The name of the button that adds the shown keys or certificates.
ADD = "add"
_MAX_READ = 128 * 1024


class AddedForm(forms.Form):
    """The base of both forms. is_adding: whether the second step is asked for.

    parsed, facts: the pasted keys or certificates. compromised: rows of the workspace to which a pasted private key belongs. chosen: those to be added, by ID.
    """

    kind: type[ClientPublicKey] | type[ClientCertificate]
    pasted: str
    method: Client.AuthMethod

    name = credential_name()

    def __init__(self, data: Any = None, files: Any = None, *, client: Client, now: datetime, zone: tzinfo) -> None:
        super().__init__(data, files)
        self.client, self.now, self.zone = client, now, zone
        self.is_adding = data is not None and ADD in data
        self.parsed: Sequence[Any] = ()
        self.facts: Sequence[Any] = ()
        self.compromised: list[ClientPublicKey | ClientCertificate] = []
        self.chosen: list[str] = []

    @property
    def noun(self) -> str:
        return self.kind.NOUN

    @property
    def pasted_field(self) -> forms.BoundField:
        return self[self.pasted]

    @property
    def file_field(self) -> forms.BoundField:
        return self[f"{self.pasted}_file"]

    @property
    def lacks_method(self) -> bool:
        return self.method not in self.client.auth_methods

    @property
    def is_method_forbidden(self) -> bool:
        return self.method in ClientPolicy.of(self.client.workspace).forbidden_auth_methods

    @property
    def allows_method(self) -> bool:
        """As ticked by the user; True until the user was asked."""
        return self.lacks_method and not self.is_method_forbidden and (not self._has_seen or "allow_method" in self.data)

    @property
    def text(self) -> str:
        """The text from the field or file, to be sent again in the second step; "" if it may not be shown."""
        text: str = self.data.get(self.pasted, "")
        content = text or self._read_file().decode(errors="replace")
        return "" if pasted_credentials.is_private(content) or "\0" in content else content

    @property
    def seen(self) -> str:
        """A digest of what is shown, so that a user can't add anything unseen."""
        return hashlib.sha256("\n".join(one.thumbprint for one in self.parsed).encode()).hexdigest()[:16] if self.facts else ""

    @property
    def _has_seen(self) -> bool:
        return bool(self.seen) and self.data.get("seen") == self.seen

    def clean(self) -> dict[str, Any]:
        self._read_or_refuse()
        if self.facts:
            self._choose()
        elif self.is_adding and not self.errors:
            self.add_error(self.pasted, f"Paste the {self.noun}, or choose its file.")
        return self.cleaned_data

    def _read_or_refuse(self) -> None:
        file = self.cleaned_data.get(f"{self.pasted}_file")
        try:
            self._read(self.cleaned_data.get(self.pasted, ""), file)
        except ValidationError as error:
            if getattr(error, "code", "") == "private_key":
                self._find_compromised()
                error = ValidationError(pasted_credentials.PRIVATE_KEY, code=error.code)
            self.add_error(self.pasted, error)

    def _find_compromised(self) -> None:
        text: str = self.data.get(self.pasted, "")
        halves = find_public_halves(text.encode()[:_MAX_READ] or self._read_file())
        self.compromised = find_registered(halves, workspace=self.client.workspace)

    def _read_file(self) -> bytes:
        file = self.files.get(f"{self.pasted}_file")
        if file is None:
            return b""
        file.seek(0)
        content: bytes = file.read(_MAX_READ)
        return content

    def _choose(self) -> None:
        addable = [self._id_of(fact) for fact in self.facts if not fact.refusal]
        ticked = self.data.getlist("chosen") if hasattr(self.data, "getlist") else []
        self.chosen = [name for name in addable if name in ticked] if self._has_seen else addable
        if not self.is_adding:
            return
        if not addable:
            self.add_error(self.pasted, "None of this can be added.")
        elif not self._has_seen:
            self.add_error(self.pasted, "This has changed since it was shown. Check it again, then add it.")
        elif not self.chosen:
            self.add_error(self.pasted, f"Select at least one {self.noun}.")

    def _id_of(self, one: Any) -> str:
        return str(getattr(one, self.kind.ID_FIELD))

    def _read(self, text: str, file: Any) -> None:
        """Fill parsed and facts. Raise ValidationError."""
        raise NotImplementedError

    def values(self) -> dict[str, Any]:
        """The arguments for the services."""
        chosen = [one for one in self.parsed if self._id_of(one) in self.chosen]
        return {"parsed": chosen, "name": self.cleaned_data["name"], "allow_method": self.allows_method}


class PublicKeysForm(AddedForm):
    public_key = pasted_credentials.public_key()
    public_key_file = pasted_credentials.chosen_file("id_public_key")
    key_expiry = forms.ChoiceField(
        label="Expires",
        required=False,
        choices=[("", "Never"), *((value, f"In {label}") for value, label in expiry.USUAL.items())],
        error_messages={"invalid_choice": "Choose an expiry from the list."},
    )
    field_order = ("public_key", "public_key_file", "name", "key_expiry")

    kind = ClientPublicKey
    pasted = "public_key"
    method = Client.AuthMethod.PRIVATE_KEY_JWT

    def _read(self, text: str, file: Any) -> None:
        self.parsed = pasted_credentials.read_pasted_keys(text, file, workspace=self.client.workspace, of=self.client)
        self.facts = describe_keys(self.client, self.parsed, now=self.now, zone=self.zone)

    def values(self) -> dict[str, Any]:
        chosen = self.cleaned_data.get("key_expiry")
        return {**super().values(), "lifetime": parse_duration(chosen) if chosen else None}


class CertificatesForm(AddedForm):
    credential_certificate = pasted_credentials.certificate()
    credential_certificate_file = pasted_credentials.chosen_file("id_credential_certificate")
    field_order = ("credential_certificate", "credential_certificate_file", "name")

    kind = ClientCertificate
    pasted = "credential_certificate"
    method = Client.AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH

    def _read(self, text: str, file: Any) -> None:
        self.parsed = pasted_credentials.read_pasted_certificates(text, file, workspace=self.client.workspace, of=self.client)
        self.facts = describe_certificates(self.client, self.parsed, now=self.now, zone=self.zone)

    @property
    def lacks_method(self) -> bool:
        """Whether the client may not use the method. A certificate that only binds tokens needs none."""
        return super().lacks_method and not self.client.require_certificate

    @property
    def line(self) -> Lifeline:
        return draw_certificates(self.facts, now=self.now, zone=self.zone)
