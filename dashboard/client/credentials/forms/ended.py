"""Forms for ending credentials."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join

from clients.services.entered_values import MAX_REASON_LENGTH

_MAX_TYPED = 200


class Suggestions(forms.TextInput):
    """A text field with common answers to choose from."""

    def __init__(self, suggestions: Sequence[str], attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"autocomplete": "off", **(attrs or {})})
        self.suggestions = suggestions

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> Any:
        listed = f"{(attrs or {}).get('id', name)}-l"
        options = format_html_join("", '<option value="{}"></option>', ((text,) for text in self.suggestions))
        return format_html('{}<datalist id="{}">{}</datalist>', super().render(name, value, {**(attrs or {}), "list": listed}, renderer), listed, options)


class TypedForm(forms.Form):
    """must_type: what the user must type to confirm, "" for nothing."""

    def __init__(self, *args: Any, must_type: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.must_type = must_type
        if must_type:
            hint = f"Type {must_type} to confirm"
            unlocking = {"data-unlocks": "go", "data-must": must_type, "data-hint": hint}
            wrong = f"Type {must_type} exactly."
            self.fields["typed"] = forms.CharField(
                label=format_html("Type <code>{}</code> to confirm", must_type),
                max_length=_MAX_TYPED,
                widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off", **unlocking}),
                error_messages={"required": wrong, "max_length": wrong},
            )

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self.must_type:
            raise ValidationError(f"Type {self.must_type} exactly. You typed {typed}.", code="not_confirmed")
        return typed


class RevocationForm(TypedForm):
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=MAX_REASON_LENGTH,
        widget=Suggestions(["It leaked", "It was replaced", "Nothing uses it"]),
        error_messages={"max_length": f"A reason can have at most {MAX_REASON_LENGTH} characters."},
    )
