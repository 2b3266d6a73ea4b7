"""Ada's workspace with clients that have been used."""

from datetime import timedelta

import pytest

from clients.models import AddressUse, ResponseTime, ScopeUse, UsageBucket, WorkspaceUsage
from clients.outcomes import GRANTED
from clients.periods import PERIODS, floor_hour
from clients.services.activity import correct_counts
from tests import factories


@pytest.fixture
def use(demo, now):
    """Count requests of a client, as the server does: use(client, count, outcome, hours=ago, credential=…). Of many, the last one has to correct the sums."""

    def use(client, count, outcome=GRANTED, *, hours=0, credential="s", endpoint="token", corrects=True):
        hour = floor_hour(now) - timedelta(hours=hours)
        UsageBucket.objects.create(client=client, credential=credential, endpoint=endpoint, outcome=outcome, hour=hour, count=count)
        by = {"workspace": client.workspace, "environment": client.environment, "endpoint": endpoint, "outcome": outcome, "hour": hour}
        total, _ = WorkspaceUsage.objects.get_or_create(**by, defaults={"count": 0})
        total.count += count
        total.save()
        for period in PERIODS.values() if corrects else ():
            correct_counts(period, now=now)

    return use


@pytest.fixture
def billing(demo, now):
    return factories.create_client(demo, name="billing-sync", now=now - timedelta(days=90)).secret.client


@pytest.fixture
def planner(demo, now):
    return factories.create_client(demo, name="route-planner", environment="test", now=now - timedelta(days=90)).secret.client


@pytest.fixture
def come_from(now):
    """Count a client's use from an address today."""

    def come_from(client, address, count, *, credential="s"):
        AddressUse.objects.create(client=client, credential=credential, address=address, day=now.date(), count=count, last_used_at=now)

    return come_from


@pytest.fixture
def use_scope(now):
    def use_scope(client, scope, granted, asked=0):
        ScopeUse.objects.create(client=client, scope=scope, day=now.date(), granted=granted, asked=asked)

    return use_scope


@pytest.fixture
def answer(now):
    """Count answers of the instance in the last five minutes."""

    def answer(count, *, limit_ms, is_failure=False):
        slot = now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0)
        ResponseTime.objects.create(slot=slot, endpoint="token", limit_ms=limit_ms, is_failure=is_failure, count=count)

    return answer
