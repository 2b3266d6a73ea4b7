"""The network of an address that counts as one sender: an IPv6 customer has a /64, a /56 or a /48, so a limit for one address wouldn't stop an attacker."""

from functools import lru_cache
from ipaddress import ip_address

# The sizes of the wider networks, in bytes of an IPv6 address, widest first.
WIDER = (6, 7)


def network_of(address: str) -> str:
    """The narrowest network that belongs to one sender."""
    return ip_address(address).packed[:8].hex() if ":" in address else address


def wider_networks_of(address: str) -> tuple[str, ...]:
    """Those of the sizes in WIDER; none for IPv4."""
    if ":" not in address:
        return ()
    packed = ip_address(address).packed
    return tuple(f"{packed[:octets].hex()}/{octets * 8}" for octets in WIDER)


@lru_cache(maxsize=4096)
def widest_network_of(address: str) -> str:
    """The widest network that may belong to one sender, for limits with few places."""
    return next(iter(wider_networks_of(address)), address)
