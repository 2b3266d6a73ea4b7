"""Usage by address takes a bounded number of rows, however many addresses a client's callers have."""

from ipaddress import ip_address, ip_network

import pytest

from clients.models import AddressUse
from clients.services import counted_addresses, usage
from clients.services.gathered import GrantedKey
from tests.factories import create_client, create_workspace

CREDENTIAL = "s"


@pytest.fixture
def client(transactional_db):
    usage.flush()
    counted_addresses._known.clear()
    yield create_client(create_workspace("demo")).secret.client
    usage.flush()


def use_from(client, addresses, now):
    whose = (client.pk, client.workspace_id, client.environment, CREDENTIAL, "token")
    told = {"scopes": (), "is_scope_asked": False, "is_by_credential": True, "minute": int(now.timestamp()) // 60, "token_minute": 0}
    for address in addresses:
        usage.record_granted(GrantedKey(*whose, address, **told), request_id="r", elapsed=lambda: 1, now=now)
    usage.flush()


def counts(client):
    return {row.address: row.count for row in AddressUse.objects.filter(client=client)}


def addresses_of(network, number):
    first = ip_network(network).network_address
    return [str(ip_address(int(first) + place)) for place in range(1, number + 1)]


def test_endless_addresses_of_one_network_take_few_rows_and_every_use_counts(client, now):
    callers = addresses_of("2001:db8:1:2::/64", 500)
    for start in range(0, 500, 250):
        use_from(client, callers[start : start + 250], now)
    found = counts(client)
    assert len(found) == 201
    assert sum(found.values()) == 500
    assert found["2001:db8:1::"] == 300
    # One that has a row goes on having it.
    use_from(client, callers[:1], now)
    assert counts(client)[callers[0]] == 2


def test_many_networks_take_few_rows_too(client, now, monkeypatch):
    monkeypatch.setattr(counted_addresses, "MAX_ADDRESSES", 2)
    monkeypatch.setattr(counted_addresses, "MAX_NETWORKS", 4)
    for address in ("192.0.2.1", "198.51.100.1", "203.0.113.5", "2001:db8:5::1", "2001:db8:6::1", "2001:db8:7::1", "203.1.1.1", "192.0.2.1"):
        use_from(client, [address], now)
    assert counts(client) == {"192.0.2.1": 2, "198.51.100.1": 1, "203.0.0.0": 2, "2001:db8:5::": 1, "2001::": 2}


def test_another_process_goes_on_from_what_is_in_the_database(client, now, monkeypatch):
    monkeypatch.setattr(counted_addresses, "MAX_ADDRESSES", 2)
    use_from(client, ["203.0.113.1", "203.0.113.2"], now)
    # As in a process that has just begun.
    counted_addresses._known.clear()
    use_from(client, ["203.0.113.2", "203.0.113.3"], now)
    assert counts(client) == {"203.0.113.1": 1, "203.0.113.2": 2, "203.0.0.0": 1}


def test_one_clients_addresses_leave_anothers_as_they_are(client, now, monkeypatch):
    monkeypatch.setattr(counted_addresses, "MAX_ADDRESSES", 2)
    other = create_client(client.workspace, name="other").secret.client
    use_from(client, ["203.0.113.1", "203.0.113.2", "203.0.113.3"], now)
    use_from(other, ["203.0.113.3"], now)
    assert counts(other) == {"203.0.113.3": 1}


def test_what_a_process_keeps_in_mind_is_bounded(client, now, monkeypatch):
    monkeypatch.setattr(counted_addresses, "_MAX_KNOWN", 2)
    use_from(client, ["203.0.113.1", "203.0.113.2", "203.0.113.3"], now)
    assert not counted_addresses._known
    use_from(client, ["203.0.113.1"], now)
    assert counts(client) == {"203.0.113.1": 2, "203.0.113.2": 1, "203.0.113.3": 1}
