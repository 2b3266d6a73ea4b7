"""The rules for new passwords, in our words. The hint under the field consists of the help texts, in the order of AUTH_PASSWORD_VALIDATORS."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError

from dashboard.people.breached_passwords import is_breached

_LEAST_BESIDE = 8


# The limit of the sign-in form.
MAX_PASSWORD = 1024


class LongEnough(password_validation.MinimumLengthValidator):
    """The rule also limits the length to that of the sign-in form, because commands ask for passwords too."""

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > MAX_PASSWORD:
            raise ValidationError(f"A password can have at most {MAX_PASSWORD} characters. Make it shorter.", code="password_too_long")
        super().validate(password, user)

    def get_error_message(self) -> str:
        return f"A password needs at least {self.min_length} characters. Make it longer."

    def get_help_text(self) -> str:
        return f"At least {self.min_length} characters."


class NotAboutThisPlace:
    """OWASP ASVS 5.0, 6.2.11: the words of the context are the product's name and the parts of the issuer's host."""

    def validate(self, password: str, user: Any = None) -> None:  # noqa: ARG002  # Django's signature
        rest = password.lower()
        for word in _words_of_this_place():
            rest = rest.replace(word, "")
        if len(rest) < _LEAST_BESIDE and rest != password.lower():
            raise ValidationError(
                f"Without the name of this site, fewer than {_LEAST_BESIDE} characters are left. Make it longer.", code="password_about_this_place"
            )

    def get_help_text(self) -> str:
        return f"At least {_LEAST_BESIDE} characters that aren’t part of this site’s name."


def _words_of_this_place() -> list[str]:
    """Longest first. Parts that are too short to be recognised, such as “id” or “com”, are left out."""
    host = urlsplit(settings.ISSUER_URL).hostname or ""
    return sorted({"tokenos", *(part for part in host.split(".") if len(part) >= 4)}, key=len, reverse=True)


class NotBreached:
    def validate(self, password: str, user: Any = None) -> None:  # noqa: ARG002  # Django's signature
        if is_breached(password):
            raise ValidationError("This password was published after a breach, so attackers try it first. Choose another.", code="password_breached")

    def get_help_text(self) -> str:
        return "Not in a list of breached passwords."


class NotAlike(password_validation.UserAttributeSimilarityValidator):
    def get_error_message(self) -> str:
        return "This is too similar to the %(verbose_name)s. Choose another."

    def get_help_text(self) -> str:
        return "Not similar to your email or name."
