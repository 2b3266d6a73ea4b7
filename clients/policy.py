"""A workspace's rules for its clients. Pure: the services use it, so pages, API and commands follow the same rules.

The rules for people are in dashboard.people.policies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from django.core.exceptions import ValidationError

from clients.duration import MAX_DURATION, NO_END, format_duration
from clients.models import Client, Workspace
from clients.models.client import DEFAULT_TOKEN_LIFETIME, MAX_TOKEN_LIFETIME, MIN_TOKEN_LIFETIME

MAX_LIFETIME_DAYS = MAX_DURATION.days
MIN_TOKEN_SECONDS, MAX_TOKEN_SECONDS = int(MIN_TOKEN_LIFETIME.total_seconds()), int(MAX_TOKEN_LIFETIME.total_seconds())
# At least a week, because a client that runs once a week is in use. At most the time that the audit log is kept: it has no older facts.
MIN_UNUSED_DAYS, MAX_UNUSED_DAYS = 7, 400


@dataclass(frozen=True, slots=True)
class ClientPolicy:
    """workspace: the slug. allowed_auth_methods: () for all. max_token_lifetime: in seconds. None means that only the general rules apply.

    A maximum lifetime for secrets also means that each must expire.
    """

    workspace: str
    allowed_auth_methods: tuple[str, ...] = ()
    requires_secret_expiry: bool = False
    default_secret_lifetime_days: int | None = None
    max_secret_lifetime_days: int | None = None
    max_token_lifetime: int | None = None
    disable_unused_after_days: int | None = None

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        return cls(
            workspace.slug,
            tuple(workspace.allowed_auth_methods),
            workspace.requires_secret_expiry,
            workspace.default_secret_lifetime_days,
            workspace.max_secret_lifetime_days,
            workspace.max_token_lifetime,
            workspace.disable_unused_after_days,
        )

    @property
    def demands_secret_expiry(self) -> bool:
        return self.requires_secret_expiry or self.max_secret_lifetime_days is not None

    @property
    def longest_secret_lifetime(self) -> timedelta | None:
        return None if self.max_secret_lifetime_days is None else timedelta(days=self.max_secret_lifetime_days)

    @property
    def usual_secret_lifetime(self) -> timedelta | None:
        """A new secret's default lifetime. None means no expiry or, if each secret must expire, no default: then somebody has to choose one."""
        days = self.default_secret_lifetime_days
        return self.longest_secret_lifetime if days is None else timedelta(days=days)

    @property
    def forbidden_auth_methods(self) -> tuple[str, ...]:
        return tuple(method for method in Client.AuthMethod.values if self.allowed_auth_methods and method not in self.allowed_auth_methods)

    @property
    def default_token_lifetime(self) -> timedelta:
        return DEFAULT_TOKEN_LIFETIME if self.max_token_lifetime is None else min(DEFAULT_TOKEN_LIFETIME, timedelta(seconds=self.max_token_lifetime))

    def permit_auth_methods(self, methods: Sequence[str]) -> list[str]:
        """The methods that the workspace allows."""
        return [method for method in methods if method not in self.forbidden_auth_methods]

    def require_auth_methods(self, methods: Sequence[str]) -> None:
        """Raise ValidationError if one of them isn't allowed."""
        refused = [method for method in methods if method in self.forbidden_auth_methods]
        if refused:
            raise self._error(f"{self.workspace} doesn’t allow {' and '.join(refused)}. It allows {' and '.join(self.allowed_auth_methods)}.")

    def require_token_lifetime(self, seconds: int) -> None:
        """Raise ValidationError if it is longer than allowed."""
        if self.max_token_lifetime is not None and seconds > self.max_token_lifetime:
            raise self._error(f"A token lifetime of {seconds:,} s is too long: {self.workspace} allows at most {self.max_token_lifetime:,} s.")

    def choose_secret_lifetime(self, asked: timedelta | None) -> timedelta | None:
        """A new secret's lifetime, None for no expiry. asked: None for the default, NO_END for no expiry. Raise ValidationError."""
        if asked is None:
            asked = self.usual_secret_lifetime or NO_END
        lifetime = None if asked == NO_END else asked
        self.require_secret_lifetime(lifetime)
        return lifetime

    def inherit_secret_lifetime(self, previous: timedelta) -> timedelta:
        """A successor's lifetime: its predecessor's, cut to the current maximum."""
        return min(previous, self.longest_secret_lifetime or previous)

    def require_secret_lifetime(self, lifetime: timedelta | None) -> None:
        """Raise ValidationError if a secret's lifetime is too long. lifetime: None for no expiry."""
        longest = self.longest_secret_lifetime
        if lifetime is None and self.demands_secret_expiry:
            example = "90d" if longest is None else format_duration(min(longest, timedelta(days=90)))
            raise self._error(f"{self.workspace} requires an expiry date for each secret. Choose a lifetime, for example {example}.")
        if lifetime is not None and longest is not None and lifetime > longest:
            raise self._error(f"A lifetime of {format_duration(lifetime)} is too long: {self.workspace} allows at most {format_duration(longest)} for secrets.")

    def require_consistency(self) -> None:
        """Raise ValidationError, under the field's name, if a value is out of range or contradicts another."""
        _require_range("default_secret_lifetime_days", self.default_secret_lifetime_days, 1, MAX_LIFETIME_DAYS, "days")
        _require_range("max_secret_lifetime_days", self.max_secret_lifetime_days, 1, MAX_LIFETIME_DAYS, "days")
        _require_range("max_token_lifetime", self.max_token_lifetime, MIN_TOKEN_SECONDS, MAX_TOKEN_SECONDS, "seconds")
        _require_range("disable_unused_after_days", self.disable_unused_after_days, MIN_UNUSED_DAYS, MAX_UNUSED_DAYS, "days")
        unknown = [method for method in self.allowed_auth_methods if method not in Client.AuthMethod.values]
        if unknown:
            raise ValidationError(
                {"allowed_auth_methods": f"“{unknown[0][:40]}” isn’t an authentication method. Choose from {', '.join(Client.AuthMethod.values)}."}
            )
        longest, default = self.max_secret_lifetime_days, self.default_secret_lifetime_days
        if longest is not None and default is not None and default > longest:
            raise ValidationError(
                {"default_secret_lifetime_days": f"The default can’t be longer than the maximum of {longest:,} day{'s' if longest != 1 else ''}."}
            )

    def _error(self, sentence: str) -> ValidationError:
        return ValidationError(f"{sentence} Admins and owners of {self.workspace} can change that in its settings.", code="against_policy")


def _require_range(field: str, value: int | None, least: int, most: int, unit: str) -> None:
    if value is not None and not least <= value <= most:
        raise ValidationError({field: f"Enter a whole number of {unit} from {least:,} to {most:,}, or leave it empty."})
