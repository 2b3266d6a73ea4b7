"""The effect of stopping a credential or a whole client: its users, the tokens that stop working, and what keeps working."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, OuterRef, Subquery

from clients.credential_list import credentials_of
from clients.models import Client, TokenCount
from clients.models.credentials import KINDS, Credential
from clients.places_of_use import addresses_by_credential
from clients.usage_report import AddressSummary, addresses_of, count_living_tokens, living_tokens_of

# A credential used within this time counts as in use. A program that runs less often isn't noticed.
IN_USE = timedelta(days=7)
MAX_ADDRESSES = 8
_MAX_CREDENTIALS = 1000


@dataclass(frozen=True, slots=True)
class Affected:
    """also: other credentials of the client that the address uses and that keep working."""

    use: AddressSummary
    also: list[Credential]


@dataclass(frozen=True, slots=True)
class Unaffected:
    """Another credential of the client that keeps working, and the addresses that only use such credentials."""

    credential: Credential
    addresses: list[str]

    @property
    def more(self) -> int:
        return len(self.addresses) - 1


@dataclass(frozen=True, slots=True)
class Impact:
    """addresses: those that used it within IN_USE, at most MAX_ADDRESSES, the most recently used first. tokens: the number of valid ones. last_used_at: None
    for never.

    others: the client's other usable credentials. unaffected: those of them that are in use from addresses that don't use the stopped one.
    """

    addresses: list[Affected]
    has_more_addresses: bool
    tokens: int
    last_token_ends_at: datetime | None
    last_used_at: datetime | None
    others: list[Credential]
    unaffected: list[Unaffected]
    now: datetime

    @property
    def is_used(self) -> bool:
        return bool(self.addresses) or (self.last_used_at is not None and self.last_used_at > self.now - IN_USE)

    @property
    def unused_days(self) -> int:
        """Whole days since the last use; 0 if there was none."""
        return 0 if self.last_used_at is None else (self.now - self.last_used_at).days


def of_credential(credential: Credential, *, client: Client, now: datetime) -> Impact:
    """The effect of ending a credential. It is the same before the end and right after."""
    name = credential.credential_id
    found = addresses_of(client, credential=name, since=now - IN_USE, now=now, limit=MAX_ADDRESSES + 1)
    others = [row for row in usable_credentials_of(client, now) if row.credential_id != name]
    uses = addresses_by_credential(client, since=now - IN_USE) if others else {}
    affected = {use.address for use in found}
    unaffected = [Unaffected(row, [address for address in uses.get(row.credential_id, ()) if address not in affected]) for row in others]
    tokens = living_tokens_of(client, name, now=now)
    return Impact(
        addresses=[Affected(use, [row for row in others if use.address in uses.get(row.credential_id, ())]) for use in found[:MAX_ADDRESSES]],
        has_more_addresses=len(found) > MAX_ADDRESSES,
        tokens=tokens.count if tokens else 0,
        last_token_ends_at=tokens.last_ends_at if tokens else None,
        last_used_at=credential.last_used_at,
        others=others,
        unaffected=[other for other in unaffected if other.addresses],
        now=now,
    )


def of_client(client: Client, *, now: datetime) -> Impact:
    """The effect of stopping the client: that of all its credentials together."""
    found = addresses_of(client, since=now - IN_USE, now=now, limit=MAX_ADDRESSES + 1)
    of_kinds = [Subquery(kind.objects.filter(client=OuterRef("pk")).order_by().values("client").values(last=Max("last_used_at"))) for kind in KINDS]
    of_tokens = Subquery(TokenCount.objects.filter(expires_at__gt=now, client=OuterRef("pk")).order_by().values("client").values(last=Max("expires_at")))
    *last_used, last_end = Client.objects.filter(pk=client.pk).values_list(*of_kinds, of_tokens).first() or (None,)
    return Impact(
        addresses=[Affected(use, []) for use in found[:MAX_ADDRESSES]],
        has_more_addresses=len(found) > MAX_ADDRESSES,
        tokens=count_living_tokens(client, now=now),
        last_token_ends_at=last_end,
        last_used_at=max((last for last in last_used if last is not None), default=None),
        others=[],
        unaffected=[],
        now=now,
    )


def usable_credentials_of(client: Client, now: datetime) -> list[Credential]:
    """The client's usable credentials of every kind, newest first within each, with only the columns that lists show."""
    return sorted(credentials_of(client, now=now, most=_MAX_CREDENTIALS).usable, key=lambda row: KINDS.index(type(row)))
