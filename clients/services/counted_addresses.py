"""The address under which a use is counted: the caller's own, or its network's if a client uses very many addresses on one day.

An IPv6 network gives one caller very many addresses, and each would be a row. So the first MAX_ADDRESSES of a client's day are kept as they are. After that, an
address counts as the first one of its network, and after MAX_NETWORKS in total as the first of a much larger network. Each process starts with the rows in the
database and doesn't see other processes' rows after that.
"""

from collections import OrderedDict
from collections.abc import Set as AbstractSet
from datetime import date
from ipaddress import ip_address, ip_network

from clients.models import AddressUse

# The limits per client and day, UTC.
MAX_ADDRESSES = 200
MAX_NETWORKS = 400

# Prefix lengths in bits, by IP version.
_NETWORK = {4: 16, 6: 48}
_LARGE_NETWORK = {4: 8, 6: 16}

# Addresses that a process remembers, about 10 MB.
_MAX_KNOWN = 100_000

ClientDay = tuple[int, date]

# The addresses that have rows. The most recently active client comes last.
_known: OrderedDict[ClientDay, set[str]] = OrderedDict()


def find_counted(uses: AbstractSet[tuple[int, date, str]]) -> dict[tuple[int, date, str], str]:
    """The address under which each use is counted. uses: clients' primary keys, days, and callers' addresses. At most one query."""
    _learn({(client, day) for client, day, _ in uses})
    counted = {(client, day, address): _choose(_known[client, day], address) for client, day, address in sorted(uses)}
    _forget()
    return counted


def _learn(days: set[ClientDay]) -> None:
    unknown = days - _known.keys()
    for known in days:
        _known.setdefault(known, set())
        _known.move_to_end(known)
    if unknown:
        rows = AddressUse.objects.filter(client__in={client for client, _ in unknown}, day__in={day for _, day in unknown})
        for client, day, address in rows.order_by().values_list("client_id", "day", "address").distinct():
            _known.setdefault((client, day), set()).add(address)


def _choose(known: set[str], address: str) -> str:
    for counted, most in ((address, MAX_ADDRESSES), (_first_of(address, _NETWORK), MAX_NETWORKS)):
        if counted in known:
            return counted
        if len(known) < most:
            known.add(counted)
            return counted
    return _first_of(address, _LARGE_NETWORK)


def _first_of(address: str, lengths: dict[int, int]) -> str:
    return str(ip_network((address, lengths[ip_address(address).version]), strict=False).network_address)


def _forget() -> None:
    held = sum(map(len, _known.values()))
    while held > _MAX_KNOWN:
        held -= len(_known.popitem(last=False)[1])
