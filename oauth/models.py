"""Tables of the protocol: signing keys, revoked tokens and counted failures."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import F, Q

from clients.models import Client
from clients.models.client import MAX_TOKEN_LIFETIME
from oauth.database_clock import CLOCK_MARGIN

# By then, even the longest-lived token that the key signed at the last moment has expired, even if this clock is ahead or a verifier's is behind.
PUBLISHED_AFTER_RETIREMENT = MAX_TOKEN_LIFETIME + CLOCK_MARGIN


class SigningKeyQuerySet(models.QuerySet["SigningKey"]):
    def usable_for_signing(self, now: datetime) -> Self:
        """The keys that may sign, the one to use first."""
        return self.going_on(now).filter(activates_at__lte=now).order_by("-activates_at", "-id")

    def going_on(self, now: datetime) -> Self:
        """The keys that sign or will sign."""
        return self.filter(Q(retires_at__isnull=True) | Q(retires_at__gt=now), revoked_at__isnull=True)

    def published(self, now: datetime) -> Self:
        """The keys in the JWKS: they sign, will sign, or signed a token that may still be valid."""
        return self.filter(Q(retires_at__isnull=True) | Q(retires_at__gt=now - PUBLISHED_AFTER_RETIREMENT), Q(revoked_at__isnull=True)).order_by(
            "-activates_at", "-id"
        )


class SigningKey(models.Model):
    """A key that signs access tokens. Its state follows from its times, so no process has to run to change it.

    private_key: PKCS 8 DER, encrypted by clients.key_encryption under the kid; "" once it never signs again. public_jwk: as published.
    """

    class Algorithm(models.TextChoices):
        ES256 = "ES256", "ES256"
        RS256 = "RS256", "RS256"
        EDDSA = "EdDSA", "EdDSA"

    class State(models.TextChoices):
        PENDING = "pending"
        ACTIVE = "active"
        RETIRED = "retired"
        REVOKED = "revoked"

    kid = models.CharField(max_length=64, unique=True)
    algorithm = models.CharField(max_length=8, choices=Algorithm)
    private_key = models.TextField()
    public_jwk = models.JSONField()
    created_at = models.DateTimeField()
    activates_at = models.DateTimeField()
    retires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = SigningKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-activates_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(algorithm__in=["ES256", "RS256", "EdDSA"]), name="signing_key_algorithm"),
            models.CheckConstraint(condition=Q(activates_at__gte=F("created_at")), name="signing_key_activates_after_creation"),
        ]

    def __str__(self) -> str:
        return self.kid

    def state(self, now: datetime) -> str:
        if self.revoked_at is not None:
            return self.State.REVOKED
        if self.retires_at is not None and self.retires_at <= now:
            return self.State.RETIRED
        return self.State.PENDING if self.activates_at > now else self.State.ACTIVE


class RevokedToken(models.Model):
    """A token that was revoked before it expired. credential: the one that obtained it."""

    jti = models.CharField(max_length=64, unique=True)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="revoked_tokens")
    credential = models.CharField(max_length=128, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["expires_at"], name="revoked_token_by_age")]

    def __str__(self) -> str:
        return self.jti


class FailureCount(models.Model):
    """Failed client authentications under one key since the window began. window_ends: seconds since the epoch."""

    key = models.CharField(max_length=64, unique=True)
    failures = models.PositiveIntegerField()
    window_ends = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["window_ends"], name="failure_count_by_age")]

    def __str__(self) -> str:
        return f"{self.failures} failures"


class RowIDField(models.BigIntegerField):  # type: ignore[type-arg]  # Django's fields take none when they run
    """A 64-bit primary key without auto-increment. In SQLite it is the rowid, which needs the type integer, also of 64 bits there."""

    def db_type(self, connection: Any) -> str | None:
        return "integer" if connection.vendor == "sqlite" else super().db_type(connection)


class UsedJWT(models.Model):
    """A used jti (oauth.replay). expires_at: seconds since the epoch, after which it can't be used again anyway.

    key: 64 bits of a hash of the jti and its issuer. If two are equal by chance (one in 10¹³ with a million rows), a valid request is refused once; a used jti
    never gets through. There is no other index, because it would take as long as the row at each request; oauth.services.prune goes by key.
    """

    key = RowIDField(primary_key=True)
    expires_at = models.BigIntegerField()

    class Meta:
        verbose_name = "used JWT"

    def __str__(self) -> str:
        return f"{self.key:x}"


class ForgottenJWTs(models.Model):
    """Marks of used JWTs that expire before this second may have been removed, so a JWT that expires before it counts as used. The table has one row, with ROW
    as its key.

    So a used JWT is never accepted again, even if the clock that removed the marks or a node's clock is wrong.
    """

    ROW = 1

    ends_before = models.BigIntegerField()

    class Meta:
        verbose_name = verbose_name_plural = "removal of used JWTs"
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="forgotten_jwts_one_row")]

    def __str__(self) -> str:
        return str(self.ends_before)


class ReplayFloor(models.Model):
    """A boot of the machine, and the second before which no JWT may have been issued since then. Only with SQLite; see oauth.replay."""

    boot_id = models.CharField(max_length=64, unique=True)
    began_at = models.BigIntegerField()

    def __str__(self) -> str:
        return self.boot_id
