"""A workspace and the scopes that it defines."""

from django.core.validators import RegexValidator
from django.db import models

validate_slug = RegexValidator(
    r"\A[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z",
    "A slug has 1 to 63 lower-case letters, digits and inner hyphens, for example billing-team.",
    code="invalid_slug",
)


class Workspace(models.Model):
    """A workspace owns everything else. Its slug is in URLs and tokens and never changes."""

    slug = models.CharField(max_length=63, unique=True, validators=[validate_slug])
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField()

    # Its rules for clients; None or an empty list means that only the general rules apply.
    allowed_auth_methods = models.JSONField(default=list, blank=True)
    requires_secret_expiry = models.BooleanField(default=False)
    default_secret_lifetime_days = models.PositiveIntegerField(null=True, blank=True)
    max_secret_lifetime_days = models.PositiveIntegerField(null=True, blank=True)
    max_token_lifetime = models.PositiveIntegerField(null=True, blank=True, help_text="In seconds.")
    disable_unused_after_days = models.PositiveIntegerField(null=True, blank=True)

    # The days for which its rows are kept; None for the instance's setting.
    request_retention_days = models.PositiveIntegerField(null=True, blank=True)
    audit_retention_days = models.PositiveIntegerField(null=True, blank=True)

    # Set when an owner deletes it. Until that time an owner can still keep it.
    deletes_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class Scope(models.Model):
    """A permission that a token may contain. Built-in scopes belong to the management API and exist in every workspace."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="scopes")
    name = models.CharField(max_length=128)
    description = models.CharField(max_length=200, blank=True)
    is_built_in = models.BooleanField(default=False)

    class Meta:
        ordering = ["workspace", "name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="scope_unique_in_workspace")]

    def __str__(self) -> str:
        return self.name
