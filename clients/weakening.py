"""Which changes of a client make it easier to misuse: whoever has its credentials, or gets them, can do more. One list, for every door.

Credentials themselves are no fields. Whoever adds or renews one proves who they are in any case.
"""

from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from clients.audience import workspace_audience
from clients.models import Client


def find_weakenings(client: Client, changes: Mapping[str, Any]) -> list[str]:
    """The names of those fields in changes, columns as clients.services.client_changes.propose returns them, that weaken the client as it is now."""
    return [name for name, weakens in _WEAKENS.items() if name in changes and weakens(client, getattr(client, name), changes[name])]


def _adds(_client: Client, before: list[str], after: list[str]) -> bool:
    return not set(after) <= set(before)


def _adds_audience(client: Client, before: list[str], after: list[str]) -> bool:
    """Its workspace's own every client can ask for."""
    return _adds(client, [*before, workspace_audience(client.workspace.slug)], after)


def _lets_in_more(_client: Client, before: list[str], after: list[str]) -> bool:
    if not before or not after:
        return bool(before)
    return not all(any(_is_within(text, known) for known in before) for text in after)


def _is_within(text: str, known: str) -> bool:
    network, within = ip_network(text), ip_network(known)
    if isinstance(network, IPv4Network) and isinstance(within, IPv4Network):
        return network.subnet_of(within)
    return isinstance(network, IPv6Network) and isinstance(within, IPv6Network) and network.subnet_of(within)


def _is_longer(_client: Client, before: int, after: int) -> bool:
    return after > before


def _is_dropped(_client: Client, before: bool, after: bool) -> bool:  # noqa: FBT001  # as the others of the table
    return before and not after


def _is_set(_client: Client, before: str, after: str) -> bool:
    """Another one lets other keys or certificates in."""
    return bool(after) and after != before


_WEAKENS: Mapping[str, Callable[[Client, Any, Any], bool]] = {
    "auth_methods": _adds,
    "scopes": _adds,
    "audiences": _adds_audience,
    "allowed_networks": _lets_in_more,
    "token_lifetime": _is_longer,
    "jwks_uri": _is_set,
    "tls_subject_type": _is_set,
    "tls_subject": _is_set,
    "require_dpop": _is_dropped,
    "require_certificate": _is_dropped,
}
