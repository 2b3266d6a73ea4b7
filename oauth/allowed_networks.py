"""Whether a client may call from its address: a client may be limited to address ranges."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from oauth import reasons
from oauth.reasons import Reason
from oauth.registration import RegisteredClient


def find_reason_in_address(address: str, client: RegisteredClient) -> Reason | None:
    """address: "" if unknown."""
    if client.allowed_networks and not _is_allowed(address, client.allowed_networks):
        return reasons.ADDRESS_NOT_ALLOWED.say(address=address or "an unknown address")
    return None


@lru_cache(maxsize=1024)
def _networks(networks: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(network) for network in networks)


def _is_allowed(address: str, networks: tuple[str, ...]) -> bool:
    if not address:
        return False
    parsed = ip_address(address)
    return any(parsed in network for network in _networks(networks))
