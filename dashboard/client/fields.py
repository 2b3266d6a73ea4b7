"""A client's form fields, shared by the form for a new client and the form for changing one."""

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from clients.audience import workspace_audience
from clients.models import Client, Scope, Workspace
from clients.models.client import MAX_TOKEN_LIFETIME
from clients.redaction import holds_credential
from clients.services.client_fields import MAX_LIST_LENGTH, clean_jwks_uri, clean_subject, require_use_of_jwks_uri
from clients.services.entered_values import clean_networks, clean_resource_uri, clean_text
from dashboard.frame.credential_names import METHOD_SENTENCES
from dashboard.frame.fields import Checkboxes, TextField
from dashboard.frame.typography import messages_of

# With more scopes than this, the picker has groups and a filter.
_MANY_SCOPES = 8
_TYPED = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
_LIFETIMES = {300: "5 minutes", 900: "15 minutes", 1800: "30 minutes", 3600: "1 hour", 14400: "4 hours", 28800: "8 hours", 86400: "24 hours"}


def say_token_lifetime(seconds: int) -> str:
    return _LIFETIMES.get(seconds) or (f"{seconds // 60:,} minute{'s' if seconds > 60 else ''}" if seconds % 60 == 0 else f"{seconds:,} seconds")


class ListField(forms.CharField):
    """Several values, one per line or separated by commas. Cleaned to a list; every wrong value gets an error."""

    def __init__(self, *, check: Callable[[str], str], placeholder: str, kept: Collection[str] = (), **options: Any) -> None:
        """check: returns the value to store, or raises ValidationError. kept: existing values that may stay, each on its own line."""
        widget = forms.Textarea(attrs={"rows": 2, "placeholder": placeholder, **_TYPED})
        too_long = {"max_length": f"That is too much text. Use at most {MAX_LIST_LENGTH} values."}
        super().__init__(required=False, max_length=40_000, widget=widget, error_messages=too_long, **options)
        self.check = check
        self.kept = kept

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        lines = [line.strip() for line in super().clean(value).splitlines()]
        texts = list(chain.from_iterable([line] if line in self.kept else line.replace(",", " ").split() for line in lines))
        if len(texts) > MAX_LIST_LENGTH:
            raise ValidationError(f"{len(texts):,} are too many. Use at most {MAX_LIST_LENGTH}.", code="too_many")
        found, wrong = [], []
        for text in texts:
            try:
                found.append(text if text in self.kept else self.check(text))
            except ValidationError as error:
                wrong += messages_of(error)
        if wrong:
            raise ValidationError(wrong[:5])
        return list(dict.fromkeys(found))


class TagsField(forms.CharField):
    """Words separated by commas. Cleaned to a list."""

    def __init__(self, *, kept: Sequence[str] = ()) -> None:
        """kept: the client's tags, which may contain commas themselves."""
        super().__init__(
            label="Tags",
            required=False,
            max_length=3_000,
            help_text="Separated by commas.",
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
            error_messages={"max_length": f"Use at most {MAX_LIST_LENGTH} tags with at most 40 characters each."},
        )
        self.kept = list(kept)

    def prepare_value(self, value: Any) -> Any:
        text = ", ".join(value) if isinstance(value, list) else value
        return "" if text and holds_credential(text) else text

    def clean(self, value: Any) -> list[str]:
        text = super().clean(value)
        if text == self.prepare_value(self.kept):
            return self.kept
        tags = [clean_text(tag, field="tag", max_length=40) for tag in text.split(",") if tag.strip()]
        if len(tags) > MAX_LIST_LENGTH:
            raise ValidationError(f"{len(tags):,} tags are too many. Use at most {MAX_LIST_LENGTH}.", code="too_many")
        return list(dict.fromkeys(tags))


def name() -> TextField:
    return TextField(
        named="name",
        label="Name",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter a name, for example billing-sync.", "max_length": "A name can have at most 100 characters."},
    )


def contact() -> TextField:
    return TextField(
        named="owner",
        label="Owner",
        required=False,
        max_length=254,
        help_text="Gets mail about expiry and leaks. A team address is best.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "email"}),
        error_messages={"max_length": "The owner can be at most 254 characters long."},
    )


def description() -> TextField:
    return TextField(
        named="description",
        label="Description",
        required=False,
        max_length=1000,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"max_length": "A description can have at most 1,000 characters."},
    )


def scopes(workspace: Workspace, chosen: Sequence[str] = ()) -> forms.MultipleChoiceField:
    """The workspace's scopes with their descriptions as labels: chosen ones first, those of the management API last, because few clients need them."""
    known = dict(Scope.objects.filter(workspace=workspace).order_by("is_built_in", "name").values_list("name", "description"))
    names = [*(scope for scope in chosen if scope in known), *(scope for scope in known if scope not in chosen)]
    return forms.MultipleChoiceField(
        label="Scopes",
        required=False,
        choices=[(scope, known[scope]) for scope in names],
        widget=Checkboxes,
        error_messages={"invalid_choice": f"{workspace.slug} has no scope %(value)s. Choose from those that are listed."},
    )


def group_scopes(scopes: forms.BoundField) -> list[tuple[str, list[Any]]]:
    """Checkboxes grouped by the part before the colon, chosen ones first. If there are only a few scopes, they form one unnamed group."""
    boxes = list(scopes)
    if len(boxes) <= _MANY_SCOPES:
        return [("", boxes)]
    chosen = [box for box in boxes if box.data["selected"]]
    groups: dict[str, list[Any]] = {"Chosen": chosen} if chosen else {}
    for box in boxes:
        if box not in chosen:
            prefix, colon, _ = str(box.data["value"]).partition(":")
            groups.setdefault(prefix if colon else "Others", []).append(box)
    return sorted(groups.items(), key=lambda group: (group[0] != "Chosen", group[0] == "Others", group[0]))


def describe_scope_picker(picker: forms.BoundField, workspace: Workspace) -> dict[str, Any]:
    """The data of the template clients/create/scopes.html."""
    return {
        "has_many_scopes": len(picker) > _MANY_SCOPES,
        "has_own_scopes": Scope.objects.filter(workspace=workspace, is_built_in=False).exists(),
    }


def auth_methods() -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label="Methods",
        choices=[(method, METHOD_SENTENCES[method]) for method in Client.AuthMethod.values],
        widget=Checkboxes,
        error_messages={"required": "Choose at least one method.", "invalid_choice": "That isn’t a method. Choose from the list."},
    )


def audiences(kept: Collection[str] = ()) -> ListField:
    """kept: the client's audiences, which may break rules for new ones."""
    return ListField(
        kept=kept,
        label="Audiences",
        check=clean_resource_uri,
        placeholder="https://api.example.com",
    )


def say_audiences(workspace: Workspace) -> str:
    """The hint under audiences."""
    return f"The APIs that its tokens are for, one per line. Leave empty for the workspace’s own, {workspace_audience(workspace.slug)}."


def allowed_networks() -> ListField:
    return ListField(
        label="Allowed addresses",
        check=lambda text: clean_networks([text])[0],
        placeholder="203.0.113.0/24",
        help_text="Addresses or ranges, one per line. Leave empty to allow any address.",
    )


def token_lifetime(present: int, longest: int | None) -> forms.TypedChoiceField:
    """present: the client's current lifetime, which it may keep. longest: the workspace's maximum, None for no limit. Both in seconds."""
    most = int(MAX_TOKEN_LIFETIME.total_seconds()) if longest is None else longest
    seconds = sorted({present, *(value for value in _LIFETIMES if value <= most)})
    words = "Choose a lifetime from the list."
    return forms.TypedChoiceField(
        label="Token lifetime",
        coerce=int,
        choices=[(value, say_token_lifetime(value)) for value in seconds],
        error_messages={"required": words, "invalid_choice": words},
    )


def require_dpop() -> forms.BooleanField:
    return forms.BooleanField(
        label="Accept only DPoP-bound tokens", required=False, help_text="Each request proves possession of a key, so a stolen token is useless."
    )


def require_certificate() -> forms.BooleanField:
    return forms.BooleanField(
        label="Accept only certificate-bound tokens", required=False, help_text="Each connection uses a client certificate, so a stolen token is useless."
    )


class JWKSURIField(forms.CharField):
    def __init__(self) -> None:
        super().__init__(
            label="JWKS URL",
            required=False,
            max_length=512,
            help_text="Where it publishes a JWK Set over https, for private_key_jwt. TokenOS fetches its keys from there.",
            widget=forms.TextInput(attrs={"inputmode": "url", "placeholder": "https://billing.example.com/jwks.json", **_TYPED}),
            error_messages={"max_length": "A URL can have at most 512 characters."},
        )

    def clean(self, value: Any) -> str:
        uri = super().clean(value)
        return clean_jwks_uri(uri) if uri else ""


def tls_subject_type() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="Certificate subject",
        required=False,
        choices=[("", "None"), *((kind.value, f"{kind.label[:1].upper()}{kind.label[1:]}") for kind in Client.TLSSubjectType)],
        help_text="The part of its certificate that names it, for tls_client_auth.",
        error_messages={"invalid_choice": "Choose a kind of subject from the list."},
    )


def tls_subject() -> forms.CharField:
    return forms.CharField(
        label="Its value",
        required=False,
        max_length=512,
        widget=forms.TextInput(attrs={"placeholder": "billing.example.com", **_TYPED}),
        error_messages={"max_length": "A subject can have at most 512 characters."},
    )


def check_methods(form: forms.Form) -> None:
    """Adds an error if a method lacks its subject, if the subject is wrong, or if no method would use the entered value."""
    entries = form.cleaned_data
    for field, check in {"tls_subject": clean_subject, "jwks_uri": require_use_of_jwks_uri}.items():
        if not form.errors.keys() & {field, "tls_subject_type", "auth_methods"}:
            try:
                check(entries, entries["auth_methods"])
            except ValidationError as error:
                is_of_kind = field == "tls_subject" and error.code != "invalid_subject"
                form.add_error("tls_subject_type" if is_of_kind else field, messages_of(error))


def in_order(chosen: Iterable[str], present: Sequence[str]) -> list[str]:
    """Chosen scopes in the order in which a token has them: existing ones keep their place, new ones follow."""
    wanted = list(chosen)
    return [*(scope for scope in present if scope in wanted), *(scope for scope in wanted if scope not in present)]
