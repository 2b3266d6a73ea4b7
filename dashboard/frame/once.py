"""Forms whose response shows a secret: each has a token that can be used only once, see dashboard.frame.spent_forms."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from dashboard.frame import spent_forms

_INCOMPLETE = "This page is incomplete. Check your entries and send them again."


class OnceForm(forms.Form):
    """cleaned_data["once"]: the token."""

    once = forms.CharField(widget=forms.HiddenInput, error_messages={"required": _INCOMPLETE})

    def __init__(self, data: Any = None, files: Any = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, files, initial={"once": spent_forms.new_token(), **(initial or {})})

    def clean_once(self) -> str:
        token: str = self.cleaned_data["once"]
        if not spent_forms.is_token(token):
            raise ValidationError(_INCOMPLETE, code="required")
        return token

    @property
    def once_again(self) -> str:
        """The token that the page sends next: a new one if this one is invalid."""
        return spent_forms.new_token() if "once" in self.errors else str(self["once"].value())
