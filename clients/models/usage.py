"""Usage: the requests that clients made, with their addresses and results."""

from django.db import models

from clients.models.client import Client
from clients.models.workspace import Workspace


class UsageBucket(models.Model):
    """The number of requests with one outcome that a credential made in one hour.

    credential: its ID, "" if no credential of the client was recognised. endpoint: token, introspection, revocation, api or gateway.
    outcome: "granted" or the reason for the refusal. hour: its beginning, UTC.
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


class RecordedRequest(models.Model):
    """A request, granted or refused, which the client's owner finds by its request ID.

    Refused requests are stored up to a limit for each client and address. Of a busy client's granted requests, a sample is stored (clients.services.usage).
    client, workspace: None if the request named no existing client. named_client_id, named_secret_id: as in the request, unverified. credential: ID of the
    client's credential, "" if none was recognised. scope: the granted scopes; if the request was refused, the requested scopes that the workspace has, and the
    beginning of another one. error: as the caller got it. reason: a code; detail: the sentence for the owner. All three are "" if it was granted. microseconds:
    from the complete request to the response, None if not measured.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, null=True, blank=True, related_name="requests")
    client = models.ForeignKey(Client, on_delete=models.CASCADE, null=True, blank=True, related_name="requests")
    request_id = models.CharField(max_length=128)
    endpoint = models.CharField(max_length=16)
    status = models.PositiveSmallIntegerField()
    error = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    named_client_id = models.CharField(max_length=64, blank=True)
    named_secret_id = models.CharField(max_length=32, blank=True)
    credential = models.CharField(max_length=128, blank=True)
    scope = models.CharField(max_length=500, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    microseconds = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["request_id"], name="request_by_request_id"),
            models.Index(fields=["client", "-created_at", "-id"], name="request_by_client"),
            models.Index(fields=["workspace", "-created_at", "-id"], name="request_by_workspace"),
            models.Index(fields=["created_at"], name="request_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.request_id}: {self.reason or 'granted'}"

    @property
    def is_granted(self) -> bool:
        return self.status < 400


class AddressUse(models.Model):
    """The number of requests with a credential from one address that were granted on one day, UTC."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="addresses")
    credential = models.CharField(max_length=128)
    address = models.GenericIPAddressField()
    day = models.DateField()
    count = models.PositiveBigIntegerField()
    last_used_at = models.DateTimeField()

    class Meta:
        ordering = ["-day"]
        indexes = [models.Index(fields=["day"], name="address_use_by_age")]
        constraints = [models.UniqueConstraint(fields=["client", "address", "day", "credential"], name="address_use_unique")]

    def __str__(self) -> str:
        return f"{self.day} {self.address}: {self.count}"


class ScopeUse(models.Model):
    """The number of tokens with a scope that a client got on one day, UTC. asked: the number of requests that named it. A request without scopes gets all."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="scope_use")
    scope = models.CharField(max_length=128)
    day = models.DateField()
    granted = models.PositiveBigIntegerField()
    asked = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["-day"]
        indexes = [models.Index(fields=["day"], name="scope_use_by_age")]
        constraints = [models.UniqueConstraint(fields=["client", "scope", "day"], name="scope_use_unique")]

    def __str__(self) -> str:
        return f"{self.day} {self.scope}: {self.granted}"


class TokenCount(models.Model):
    """The number of a credential's tokens that expire within one minute. Their sum shows how many are still valid. expires_at: the end of that minute."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="token_counts")
    credential = models.CharField(max_length=128)
    expires_at = models.DateTimeField()
    count = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["-expires_at"]
        indexes = [models.Index(fields=["expires_at"], name="token_count_by_age")]
        constraints = [models.UniqueConstraint(fields=["client", "credential", "expires_at"], name="token_count_unique")]

    def __str__(self) -> str:
        return f"{self.credential} until {self.expires_at:%H:%M}: {self.count}"


class WorkspaceUsage(models.Model):
    """UsageBucket summed over a workspace's clients of one environment, so that a chart with ten thousand clients reads no more rows than one with ten."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="usage")
    environment = models.CharField(max_length=4)
    endpoint = models.CharField(max_length=16)
    outcome = models.CharField(max_length=40)
    hour = models.DateTimeField()
    count = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["-hour"]
        indexes = [models.Index(fields=["hour"], name="workspace_usage_by_age")]
        constraints = [models.UniqueConstraint(fields=["workspace", "hour", "environment", "endpoint", "outcome"], name="workspace_usage_unique")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.endpoint} {self.outcome}: {self.count}"


class ClientActivity(models.Model):
    """The values that lists of clients show and sort by. The counts are of token requests in the last 24 hours, 7 and 30 days. They increase at once;
    clients.services.activity later subtracts old requests. last_used_at, last_used_from: the last granted request's. new_address, new_address_at: the latest
    new address of a client older than a week, and when it was noticed (clients.services.new_addresses).
    """

    client = models.OneToOneField(Client, on_delete=models.CASCADE, primary_key=True, related_name="activity")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    granted_24h = models.PositiveBigIntegerField(default=0)
    refused_24h = models.PositiveBigIntegerField(default=0)
    granted_7d = models.PositiveBigIntegerField(default=0)
    refused_7d = models.PositiveBigIntegerField(default=0)
    granted_30d = models.PositiveBigIntegerField(default=0)
    refused_30d = models.PositiveBigIntegerField(default=0)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_from = models.GenericIPAddressField(null=True, blank=True)
    new_address = models.GenericIPAddressField(null=True, blank=True)
    new_address_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "client activities"
        indexes = [
            models.Index(fields=["workspace", "-granted_24h", "-client"], name="activity_by_tokens"),
            models.Index(fields=["workspace", "-last_used_at", "-client"], name="activity_by_last_use"),
            models.Index(fields=["workspace", "new_address_at"], name="activity_by_new_address", condition=models.Q(new_address_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.client_id}: {self.granted_24h}"


class UsageSummary(models.Model):
    """Sums for a workspace with many clients, because a page can't wait for them: scopes and addresses at made_at, the most used first.

    environment: "" for both. period: its name in clients.periods. scopes, addresses: lists of the fields in clients.most_used.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    environment = models.CharField(max_length=4, blank=True)
    period = models.CharField(max_length=4)
    made_at = models.DateTimeField()
    scopes = models.JSONField(default=list)
    addresses = models.JSONField(default=list)

    class Meta:
        verbose_name_plural = "usage summaries"
        constraints = [models.UniqueConstraint(fields=["workspace", "environment", "period"], name="usage_summary_unique")]

    def __str__(self) -> str:
        return f"{self.period} {self.environment}"


class ResponseTime(models.Model):
    """The number of the instance's requests within 5 minutes that took at most limit_ms milliseconds, and longer than the next smaller limit.

    slot: the beginning of the 5 minutes. limit_ms: 0 for longer than the last limit. is_failure: whether the server failed (status 5xx).
    """

    slot = models.DateTimeField()
    endpoint = models.CharField(max_length=16)
    limit_ms = models.PositiveIntegerField()
    is_failure = models.BooleanField()
    count = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["-slot"]
        constraints = [models.UniqueConstraint(fields=["slot", "endpoint", "limit_ms", "is_failure"], name="response_time_unique")]

    def __str__(self) -> str:
        return f"{self.slot:%Y-%m-%d %H:%M} {self.endpoint} {self.limit_ms} ms: {self.count}"
