"""A client with usage."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import AddressUse, RecordedRequest, TokenCount, UsageBucket


@pytest.fixture
def client(billing):
    return billing.secret.client


def record_request(client, *, ago=timedelta(), **fields):
    usual = {
        "workspace": client.workspace,
        "client": client,
        "request_id": "r-1",
        "endpoint": "token",
        "status": 200,
        "address": "203.0.113.61",
        "scope": "read write",
        "microseconds": 31_200,
        "named_client_id": client.client_id,
        "created_at": timezone.now() - ago,
    }
    return RecordedRequest.objects.create(**{**usual, **fields})


def refuse_request(client, *, reason="scope_not_allowed", detail="admin isn't among this client's scopes.", error="invalid_scope", status=400, **fields):
    return record_request(client, **{"reason": reason, "detail": detail, "error": error, "status": status, "scope": "admin", **fields})


def use(client, credential, *, address="203.0.113.61", count=10, ago=timedelta(), outcome="granted"):
    """Count requests as the server does."""
    at = timezone.now() - ago
    hour = at.replace(minute=0, second=0, microsecond=0)
    UsageBucket.objects.create(client=client, credential=credential, endpoint="token", outcome=outcome, hour=hour, count=count)
    if outcome == "granted":
        AddressUse.objects.create(client=client, credential=credential, address=address, day=at.date(), count=count, last_used_at=at)


def count_tokens(client, credential, count, *, left=timedelta(minutes=30)):
    TokenCount.objects.create(client=client, credential=credential, expires_at=timezone.now() + left, count=count)


def age(client, days=60):
    """Make it look old."""
    client.created_at = timezone.now() - timedelta(days=days)
    client.save(update_fields=["created_at"])
    client.secrets.update(created_at=client.created_at)
