"""The form for a new client: all settings, in plain words, with sensible defaults."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from clients.models import Client
from clients.models.client import SECRET_METHODS
from clients.policy import ClientPolicy
from clients.tls_subject import clean_tls_subject
from dashboard.client import fields as client_fields
from dashboard.client.credentials.forms import expiry
from dashboard.client.credentials.forms import pasted as pasted_credentials
from dashboard.frame.fields import Checkboxes, Radios
from dashboard.frame.once import OnceForm
from dashboard.frame.typography import messages_of
from dashboard.models import Membership
from dashboard.people import policies

_Method = Client.AuthMethod
SECRET, ASSERTION, MTLS = "secret", "assertion", "mtls"
BY_CERTIFICATE, BY_SUBJECT = "certificate", "subject"
_METHODS_OF = {
    SECRET: SECRET_METHODS,
    ASSERTION: (_Method.PRIVATE_KEY_JWT,),
    MTLS: (_Method.SELF_SIGNED_TLS_CLIENT_AUTH, _Method.TLS_CLIENT_AUTH),
}
_METHOD_WORDS = {
    SECRET: ("Client secret", "Works everywhere. We make the secret, you store it."),
    ASSERTION: ("Signed assertion", "You keep a private key. Nothing secret is ever sent."),
    MTLS: ("Mutual TLS", "You have a certificate. Tokens are bound to it."),
}
_FIELDS_OF = {
    SECRET: ("accepts", "secret_expiry", "ends_on"),
    ASSERTION: ("public_key", "public_key_file", "jwks_uri"),
    MTLS: ("certificate_by", "credential_certificate", "credential_certificate_file", "tls_subject_type", "tls_subject"),
}

# The field for a service's error, by its code. Others belong to the whole form.
_FIELDS_OF_ERRORS = {
    "unknown_scope": "scopes",
    "too_many": "scopes",
    "too_long": "scopes",
    "expired_certificate": "credential_certificate",
    "invalid_lifetime": "secret_expiry",
}


class NewClientForm(OnceForm):
    """method: SECRET, ASSERTION or MTLS. accepts: the ways to send a secret."""

    name = client_fields.name()
    contact = client_fields.contact()
    public_key = pasted_credentials.public_key()
    public_key_file = pasted_credentials.chosen_file("id_public_key")
    jwks_uri = client_fields.JWKSURIField()
    credential_certificate = pasted_credentials.certificate()
    credential_certificate_file = pasted_credentials.chosen_file("id_credential_certificate")
    tls_subject_type = client_fields.tls_subject_type()
    tls_subject = client_fields.tls_subject()
    ends_on = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a date, for example 2027-02-14."},
    )
    audiences = client_fields.audiences()
    allowed_networks = client_fields.allowed_networks()
    require_dpop = client_fields.require_dpop()
    require_certificate = client_fields.require_certificate()
    description = client_fields.description()
    tags = client_fields.TagsField()

    def __init__(self, data: Any = None, files: Any = None, *, membership: Membership, now: datetime) -> None:
        self.workspace, self.now = membership.workspace, now
        self.policy = ClientPolicy.of(self.workspace)
        self.may_make_live = policies.may_make_live_clients(membership)
        super().__init__(data, files, initial=self._initial(membership.user.email))
        if data is None:
            self.fields["name"].widget.attrs["autofocus"] = True
        self._build_choices(data.getlist("scopes") if isinstance(data, QueryDict) else ())

    def _initial(self, contact: str) -> dict[str, Any]:
        return {
            "contact": contact,
            "environment": Client.Environment.LIVE if self.may_make_live else Client.Environment.TEST,
            "method": next(iter(self._methods()), SECRET),
            "accepts": self.policy.permit_auth_methods(SECRET_METHODS),
            "certificate_by": next(iter(self._certificate_ways()), BY_CERTIFICATE),
            "secret_expiry": expiry.default(self.policy),
            "token_lifetime": int(self.policy.default_token_lifetime.total_seconds()),
        }

    def _build_choices(self, chosen: Sequence[str]) -> None:
        # Here the groups already have these names.
        self.fields["public_key"].label, self.fields["credential_certificate"].label = "As PEM key or certificate, JWK or JWK Set", "As PEM"
        self.fields["audiences"].help_text = client_fields.say_audiences(self.workspace)
        self.fields["environment"] = _radios("Environment", [("live", "Live"), ("test", "Test")], "Choose live or test.")
        self.fields["method"] = _radios("How it proves who it is", [(method, _METHOD_WORDS[method][0]) for method in self._methods()], "Choose a method.")
        self.fields["accepts"] = forms.MultipleChoiceField(
            label="How it sends the secret",
            required=False,
            choices=[(method, method) for method in self.policy.permit_auth_methods(SECRET_METHODS)],
            widget=Checkboxes,
            error_messages={"invalid_choice": "Choose from the list."},
        )
        self.fields["certificate_by"] = _radios(
            "Accepted certificates", [(way, way) for way in self._certificate_ways()], "Choose one of the two.", required=False
        )
        self.fields["secret_expiry"] = _radios("Secret expires", expiry.choices(self.policy), "Choose when the secret expires.", required=False)
        self.fields["scopes"] = client_fields.scopes(self.workspace, chosen)
        self.fields["token_lifetime"] = client_fields.token_lifetime(int(self.policy.default_token_lifetime.total_seconds()), self.workspace.max_token_lifetime)

    def _methods(self) -> list[str]:
        return [method for method, ways in _METHODS_OF.items() if self.policy.permit_auth_methods(ways)]

    def _certificate_ways(self) -> list[str]:
        permitted = self.policy.permit_auth_methods(_METHODS_OF[MTLS])
        ways = {BY_CERTIFICATE: _Method.SELF_SIGNED_TLS_CLIENT_AUTH, BY_SUBJECT: _Method.TLS_CLIENT_AUTH}
        return [way for way, method in ways.items() if method in permitted]

    def clean(self) -> dict[str, Any]:
        """Adds auth_methods, lifetime, keys and certificates for the chosen method. Entries in the groups of other methods are ignored."""
        entries = self.cleaned_data
        self._parts: dict[str, Any] = {"lifetime": None, "keys": [], "certificates": [], "auth_methods": []}
        method = entries.get("method")
        for other in _FIELDS_OF.keys() - {method}:
            self._forget(*_FIELDS_OF[other])
        if method == SECRET:
            self._try("accepts", self._clean_secret)
            self._try("secret_expiry", self._clean_lifetime)
        elif method == ASSERTION:
            self._try("public_key", self._clean_keys)
        elif method == MTLS:
            self._try("credential_certificate", self._clean_certificate)
        return {**entries, **self._parts}

    def _forget(self, *names: str) -> None:
        for name in names:
            self.errors.pop(name, None)
            self.cleaned_data[name] = ""

    def _try(self, name: str, check: Any) -> None:
        if name in self.errors:
            return
        try:
            check()
        except ValidationError as error:
            self.add_error(name, error)

    def _clean_secret(self) -> None:
        if not self.cleaned_data["accepts"]:
            raise ValidationError("Choose at least one way to send the secret.", code="required")
        self._parts["auth_methods"] = self.cleaned_data["accepts"]

    def _clean_lifetime(self) -> None:
        choice = self.cleaned_data["secret_expiry"] or expiry.default(self.policy)
        if choice == expiry.DATE:
            self._try("ends_on", self._clean_last_day)
            return
        self._forget("ends_on")
        self._parts["lifetime"] = expiry.read_choice(choice)
        self.policy.choose_secret_lifetime(self._parts["lifetime"])

    def _clean_last_day(self) -> None:
        day = self.cleaned_data.get("ends_on")
        if day is None:
            raise ValidationError("Enter the last day on which the secret should work.", code="required")
        self._parts["lifetime"] = expiry.until_end_of(day, policy=self.policy, now=self.now)

    def _clean_keys(self) -> None:
        self._parts["auth_methods"] = [_Method.PRIVATE_KEY_JWT]
        self._parts["keys"] = pasted_credentials.read_pasted_keys(
            self.cleaned_data["public_key"], self.cleaned_data.get("public_key_file"), workspace=self.workspace
        )
        if not self._parts["keys"] and not self.cleaned_data.get("jwks_uri") and "jwks_uri" not in self.errors:
            raise ValidationError("Paste the public key, or enter the URL where the program publishes it.", code="required")

    def _clean_certificate(self) -> None:
        if self.cleaned_data.get("certificate_by") == BY_SUBJECT:
            self._parts["auth_methods"] = [_Method.TLS_CLIENT_AUTH]
            self._clean_subject()
            return
        self._forget("tls_subject_type", "tls_subject")
        self._parts["auth_methods"] = [_Method.SELF_SIGNED_TLS_CLIENT_AUTH]
        self._parts["certificates"] = pasted_credentials.read_pasted_certificates(
            self.cleaned_data["credential_certificate"], self.cleaned_data.get("credential_certificate_file"), workspace=self.workspace
        )
        if not self._parts["certificates"]:
            raise ValidationError("Paste the certificate, or choose its file.", code="required")

    def _clean_subject(self) -> None:
        kind, value = self.cleaned_data.get("tls_subject_type"), self.cleaned_data.get("tls_subject")
        if not kind:
            self.add_error("tls_subject_type", "Choose which part of the certificate names the client.")
        elif not value:
            self.add_error("tls_subject", "Enter the value of the certificate subject.")
        else:
            self._try("tls_subject", lambda: clean_tls_subject(kind, value))

    def values(self) -> dict[str, Any]:
        """The arguments for clients.services.clients.create_client_with_credentials."""
        entries = self.cleaned_data
        names = ("name", "contact", "description", "tags", "environment", "scopes", "audiences", "allowed_networks", "require_dpop", "require_certificate")
        given = {name: entries[name] for name in names}
        optional = {name: entries[name] for name in ("jwks_uri", "tls_subject_type", "tls_subject") if entries.get(name)}
        return {
            **given,
            **optional,
            "auth_methods": entries["auth_methods"],
            "token_lifetime": timedelta(seconds=entries["token_lifetime"]),
            "public_keys": entries["keys"],
            "certificates": entries["certificates"],
            "secret_lifetime": entries["lifetime"],
        }

    def add_errors_of(self, error: ValidationError) -> None:
        """Add a service's errors."""
        if hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        self.add_error(_FIELDS_OF_ERRORS.get(getattr(error, "code", "") or ""), messages_of(error))

    def holds_private_key(self) -> bool:
        """Whether a private key was pasted, in any group."""
        return any(pasted_credentials.is_private(self.data.get(name, "")) for name in ("public_key", "credential_certificate"))

    def method_rows(self) -> list[dict[str, Any]]:
        """The boxes with their descriptions, for the template."""
        return [{"box": box, "sentence": _METHOD_WORDS[str(box.data["value"])][1]} for box in self["method"]]

    def scope_groups(self) -> list[tuple[str, list[Any]]]:
        return client_fields.group_scopes(self["scopes"])

    def has_wrong_limits(self) -> bool:
        """Whether the collapsed section has an error and so must be open."""
        names = {"accepts", "audiences", "allowed_networks", "token_lifetime", "require_dpop", "require_certificate", "description", "tags"}
        return bool(names & set(self.errors))


def _radios(label: str, choices: list[tuple[str, str]], words: str, *, required: bool = True) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=choices, widget=Radios, required=required, error_messages={"required": words, "invalid_choice": words})


def as_entries(form: NewClientForm) -> QueryDict:
    """The data that an unchanged form would send."""
    data = QueryDict(mutable=True)
    for name, value in form.initial.items():
        if isinstance(value, list):
            data.setlist(name, value)
        else:
            data[name] = str(value)
    return data
