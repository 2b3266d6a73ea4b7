"""The credentials of a client."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q

from clients.models.client import Client


class ClientSecretQuerySet(models.QuerySet["ClientSecret"]):
    def usable(self, now: datetime) -> Self:
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), revoked_at__isnull=True)


class ClientSecret(models.Model):
    """hash: argon2id, PHC string. digest: see clients.secret.

    lifetime: what it was given when made, in seconds, None for no end, so that its successor gets the same.
    """

    secret_id = models.CharField(max_length=32, unique=True)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=100, blank=True)
    hash = models.CharField(max_length=200)
    digest = models.CharField(max_length=80, blank=True)
    lifetime = models.PositiveBigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_from = models.GenericIPAddressField(null=True, blank=True)

    objects = ClientSecretQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(hash__startswith="$argon2id$"), name="client_secret_hash_is_argon2id"),
            models.CheckConstraint(condition=Q(expires_at__isnull=True) | Q(expires_at__gte=F("created_at")), name="client_secret_expires_after_creation"),
        ]

    def __str__(self) -> str:
        return self.secret_id

    def is_usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)
