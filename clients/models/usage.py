"""What clients asked for, and what was refused."""

from django.db import models

from clients.models.client import Client
from clients.models.workspace import Workspace


class UsageBucket(models.Model):
    """How many requests with one outcome a credential made in one hour.

    credential: its ID, "" where no credential of the client was recognised. endpoint: token, introspection, revocation, api or gateway.
    outcome: "granted" or the reason of the refusal. hour: its beginning, UTC.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="usage")
    credential = models.CharField(max_length=128, blank=True)
    endpoint = models.CharField(max_length=16)
    outcome = models.CharField(max_length=40)
    hour = models.DateTimeField()
    count = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["-hour"]
        indexes = [models.Index(fields=["hour"], name="usage_by_age")]
        constraints = [
            models.UniqueConstraint(fields=["client", "hour", "credential", "endpoint", "outcome"], name="usage_bucket_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.endpoint} {self.outcome}: {self.count}"


class FailedRequest(models.Model):
    """A refused request, which the client's owner finds by its request ID.

    client, workspace: None where the request named no client that exists. named_client_id, named_secret_id: as the request had them, unverified.
    error: what the caller was told. reason: a code; detail: the sentence for the owner.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, null=True, blank=True, related_name="failed_requests")
    client = models.ForeignKey(Client, on_delete=models.CASCADE, null=True, blank=True, related_name="failed_requests")
    request_id = models.CharField(max_length=128)
    endpoint = models.CharField(max_length=16)
    status = models.PositiveSmallIntegerField()
    error = models.CharField(max_length=40)
    reason = models.CharField(max_length=40)
    detail = models.CharField(max_length=500)
    named_client_id = models.CharField(max_length=64, blank=True)
    named_secret_id = models.CharField(max_length=32, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["request_id"], name="failed_request_by_request_id"),
            models.Index(fields=["client", "-created_at"], name="failed_request_by_client"),
            models.Index(fields=["workspace", "-created_at"], name="failed_request_by_workspace"),
            models.Index(fields=["created_at"], name="failed_request_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.request_id}: {self.reason}"
