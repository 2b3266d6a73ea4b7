"""Forms whose answer shows a secret: each carries a token that is spent once, see dashboard.frame.spent_forms."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from dashboard.frame import spent_forms

_INCOMPLETE = "This page is incomplete. Look at your entries and send them again."


class OnceForm(forms.Form):
    """cleaned: once, the token."""

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
        """What the page sends next: another token where this one is none."""
        return spent_forms.new_token() if "once" in self.errors else str(self["once"].value())
