"""What a new password must be, said in our words."""

from typing import Any

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError

from dashboard.people.breached_passwords import is_breached


class LongEnough(password_validation.MinimumLengthValidator):
    def get_error_message(self) -> str:
        return f"A password has at least {self.min_length} characters. Make it longer."


class NotBreached:
    def validate(self, password: str, user: Any = None) -> None:  # noqa: ARG002  # Django's signature
        if is_breached(password):
            raise ValidationError("This password was published after a breach, so it is tried first. Choose another.", code="password_breached")

    def get_help_text(self) -> str:
        return ""


class NotAlike(password_validation.UserAttributeSimilarityValidator):
    def get_error_message(self) -> str:
        return "This is too much like the %(verbose_name)s. Choose another."
