"""The scopes and addresses that are used most: computed per view, or on a schedule if that takes too long."""

from datetime import timedelta

import pytest

from clients.models import AddressUse, ScopeUse, UsageSummary
from clients.most_used import UsedAddress, UsedScope, clients_of, most_used_addresses, most_used_scopes
from clients.periods import DAY, WEEK
from clients.services import usage_summaries
from clients.services.usage_summaries import make_summaries
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo():
    return factories.create_workspace("demo")


@pytest.fixture
def two(demo):
    """A live client and a test client; both are used, the second one from another address too."""
    return [factories.create_client(demo, name=environment, environment=environment).secret.client for environment in ("live", "test")]


@pytest.fixture
def used(two, now):
    live, test = two
    for client, scope, granted, asked, days in ((live, "read", 5, 2, 0), (live, "write", 3, 0, 0), (test, "read", 4, 4, 3), (test, "read", 90, 0, 30)):
        ScopeUse.objects.create(client=client, scope=scope, day=(now - timedelta(days=days)).date(), granted=granted, asked=asked)
    for client, address, count, days in ((live, "203.0.113.7", 5, 0), (test, "203.0.113.7", 4, 3), (test, "2001:db8::1", 20, 3), (test, "192.0.2.1", 99, 30)):
        day = now - timedelta(days=days)
        AddressUse.objects.create(client=client, credential="s", address=address, day=day.date(), count=count, last_used_at=day)
    return two


def test_scopes_are_summed_over_clients_and_days(used, demo, now):
    assert most_used_scopes(clients_of(demo, ""), WEEK, now=now) == [UsedScope("read", 9, 6, 2), UsedScope("write", 3, 0, 1)]
    assert most_used_scopes(clients_of(demo, "test"), WEEK, now=now) == [UsedScope("read", 4, 4, 1)]
    assert most_used_scopes(clients_of(demo, "test"), DAY, now=now) == []


def test_addresses_say_how_many_clients_use_them(used, demo, now):
    live, test = used
    found = most_used_addresses(clients_of(demo, ""), WEEK, now=now)
    assert found[0] == UsedAddress("2001:db8::1", 20, 1, test.client_id)
    assert (found[1].address, found[1].count, found[1].clients) == ("203.0.113.7", 9, 2)
    assert most_used_addresses(clients_of(demo, "live"), WEEK, now=now) == [UsedAddress("203.0.113.7", 5, 1, live.client_id)]


def test_no_other_workspace_is_counted(used, now):
    assert most_used_scopes(clients_of(factories.create_workspace("other"), ""), WEEK, now=now) == []


def test_large_workspaces_are_summed_up_by_the_clock_for_each_environment(used, demo, now, monkeypatch):
    factories.create_client(factories.create_workspace("small"))
    monkeypatch.setattr(usage_summaries, "LIVE_CLIENTS", 1)
    for made_at in (now - timedelta(hours=1), now):
        assert make_summaries(WEEK, now=made_at) == 1
    rows = {row.environment: row for row in UsageSummary.objects.all()}
    assert set(rows) == {"", "live", "test"}
    assert {row.made_at for row in rows.values()} == {now}
    assert [UsedScope(**scope) for scope in rows[""].scopes] == most_used_scopes(clients_of(demo, ""), WEEK, now=now)
    assert [UsedAddress(**address) for address in rows["test"].addresses] == most_used_addresses(clients_of(demo, "test"), WEEK, now=now)
