"""manage.py prune."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from clients.models import AddressUse, AuditEvent, RecordedRequest, ResponseTime, ScopeUse, TokenCount, UsageBucket, WorkspaceUsage
from oauth.models import FailureCount, RevokedToken
from oauth.services import REVOCATIONS_KEPT


def _make_rows(client, *, age):
    """One row of each kind, that many days past its retention; negative: that many before."""
    now = timezone.now()
    usage_hour = now - timedelta(days=settings.USAGE_RETENTION_DAYS + age)
    UsageBucket.objects.create(client=client, credential="", endpoint="token", outcome="granted", hour=usage_hour, count=1)
    WorkspaceUsage.objects.create(workspace=client.workspace, environment="live", endpoint="token", outcome="granted", hour=usage_hour, count=1)
    AddressUse.objects.create(client=client, credential="x", address="203.0.113.7", day=usage_hour.date(), count=1, last_used_at=usage_hour)
    ScopeUse.objects.create(client=client, scope="read", day=usage_hour.date(), granted=1, asked=1)
    TokenCount.objects.create(client=client, credential="x", expires_at=now - timedelta(days=age), count=1)
    ResponseTime.objects.create(slot=usage_hour, endpoint="token", limit_ms=5, is_failure=False, count=1)
    failed_at = now - timedelta(days=settings.REQUEST_RETENTION_DAYS + age)
    RecordedRequest.objects.create(request_id="r", endpoint="token", status=401, error="invalid_client", reason="unknown", detail="…", created_at=failed_at)
    RevokedToken.objects.create(jti=f"token{age}", client=client, expires_at=now - REVOCATIONS_KEPT - timedelta(days=age), revoked_at=now)
    FailureCount.objects.create(key=f"key{age}", failures=1, window_ends=int((now - timedelta(days=age)).timestamp()))
    AuditEvent.objects.create(
        event="x", actor="system", target_type="x", target_id=str(age), created_at=now - timedelta(days=settings.AUDIT_RETENTION_DAYS + age)
    )


def test_only_what_is_past_its_retention_is_removed_and_counted(command, billing):
    _make_rows(billing.secret.client, age=1)
    _make_rows(billing.secret.client, age=-1)
    usage = ("usage_buckets", "workspace_usage", "address_uses", "scope_uses", "token_counts", "response_times")
    counts = dict.fromkeys(usage, 1) | {"requests": 1, "revoked_tokens": 1, "failure_counts": 1, "audit_events": 1}
    assert counts.items() <= command("prune", "--json").json.items()
    for model in (UsageBucket, WorkspaceUsage, AddressUse, ScopeUse, TokenCount, ResponseTime, RecordedRequest):
        assert model.objects.count() == 1
    assert RevokedToken.objects.get().jti == "token-1"
    assert FailureCount.objects.get().key == "key-1"
    assert not AuditEvent.objects.filter(target_id="1").exists()
    assert set(command("prune", "--json").json.values()) == {0}


def test_table_shows_the_counts(command):
    assert "Usage buckets    0\n" in command("prune").stdout
