"""manage.py prune."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from clients.models import AuditEvent, RecordedRequest, UsageBucket
from oauth.models import FailureCount, RevokedToken


def _make_rows(client, *, age):
    """One row of each kind, so many days past its retention; negative: so many before."""
    now = timezone.now()
    usage_hour = now - timedelta(days=settings.USAGE_RETENTION_DAYS + age)
    UsageBucket.objects.create(client=client, credential="", endpoint="token", outcome="granted", hour=usage_hour, count=1)
    failed_at = now - timedelta(days=settings.REQUEST_RETENTION_DAYS + age)
    RecordedRequest.objects.create(request_id="r", endpoint="token", status=401, error="invalid_client", reason="unknown", detail="…", created_at=failed_at)
    RevokedToken.objects.create(jti=f"token{age}", client=client, expires_at=now - timedelta(days=age), revoked_at=now)
    FailureCount.objects.create(key=f"key{age}", failures=1, window_ends=int((now - timedelta(days=age)).timestamp()))
    AuditEvent.objects.create(
        event="x", actor="system", target_type="x", target_id=str(age), created_at=now - timedelta(days=settings.AUDIT_RETENTION_DAYS + age)
    )


def test_only_what_is_past_its_retention_is_removed_and_counted(command, billing):
    _make_rows(billing.secret.client, age=1)
    _make_rows(billing.secret.client, age=-1)
    counts = {"usage_buckets": 1, "requests": 1, "revoked_tokens": 1, "failure_counts": 1, "audit_events": 1}
    assert counts.items() <= command("prune", "--json").json.items()
    assert (UsageBucket.objects.count(), RecordedRequest.objects.count()) == (1, 1)
    assert RevokedToken.objects.get().jti == "token-1"
    assert FailureCount.objects.get().key == "key-1"
    assert not AuditEvent.objects.filter(target_id="1").exists()
    assert set(command("prune", "--json").json.values()) == {0}


def test_table_shows_the_counts(command):
    assert "Usage buckets   0\n" in command("prune").stdout
