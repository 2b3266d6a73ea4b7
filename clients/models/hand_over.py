"""Hands a client's credentials over to the person who runs it, who needs no account."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from clients.models.client import Client


class HandOverQuerySet(models.QuerySet["HandOver"]):
    def open(self, now: datetime) -> Self:
        """Links that weren't used or withdrawn and haven't expired."""
        return self.filter(used_at=None, withdrawn_at=None, expires_at__gt=now)

    def usable(self, now: datetime) -> Self:
        """Open links that work: their client is enabled, and their workspace isn't being deleted."""
        return self.open(now).filter(client__status=Client.Status.ENABLED, client__workspace__deletes_at=None)


class HandOver(models.Model):
    """The right to make one secret for a client, or to give it one public key instead. The secret is only made when the link is used, so it is never stored.

    token_digest: SHA-256 of the link's token, in hex. recipient: the person that it is for, as its maker wrote it. secret_lifetime: seconds, None for no
    expiry. opened_at: when its page was first opened. used_at, used_from, credential: when and where it was used, and the credential that it made.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="hand_overs")
    token_digest = models.CharField(max_length=64, unique=True)
    recipient = models.CharField(max_length=254, blank=True)
    secret_lifetime = models.PositiveBigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254)
    expires_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)
    used_from = models.GenericIPAddressField(null=True, blank=True)
    credential = models.CharField(max_length=128, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[HandOverQuerySet] = HandOverQuerySet.as_manager()  # type: ignore[assignment]  # a manager made of that query set

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["expires_at"], name="hand_over_by_age")]
        constraints = [models.CheckConstraint(condition=Q(used_at__isnull=True) | ~Q(credential=""), name="hand_over_used_for_something")]

    class State(models.TextChoices):
        OPEN = "open"
        USED = "used"
        WITHDRAWN = "withdrawn"
        OVER = "over"

    def __str__(self) -> str:
        return f"{self.client} to {self.recipient}"

    def state(self, now: datetime) -> str:
        if self.used_at is not None:
            return self.State.USED
        if self.withdrawn_at is not None:
            return self.State.WITHDRAWN
        return self.State.OPEN if self.expires_at > now else self.State.OVER
