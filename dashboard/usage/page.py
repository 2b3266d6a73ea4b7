"""The parts of the Usage page for a selection: shares, reasons, scopes and addresses, each independent of the others."""

from dataclasses import dataclass
from datetime import datetime

from clients.models import Client, UsageSummary
from clients.most_used import UsedAddress, UsedScope, clients_of, most_used_addresses, most_used_scopes
from clients.outcomes import GRANTED
from clients.services.usage_summaries import LIVE_CLIENTS
from clients.workspace_usage import Activity, Refusal, Selection, Share, Totals, count_credential_shares, count_shares, in_order, name_refused
from dashboard.explain.refusals import title_of
from dashboard.frame.credential_names import CredentialName, name_credential

LISTED = 10


@dataclass(frozen=True, slots=True)
class ShareRow:
    """A line of “By client” or “By credential”: it has either a client or a credential."""

    share: Share
    than_before: str
    client: Client | None = None
    credential: CredentialName | None = None


@dataclass(frozen=True, slots=True)
class RefusalRow:
    title: str
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class MostUsed:
    """made_at: None for just now. is_counted: whether they have been summed up yet."""

    scopes: list[UsedScope]
    addresses: list[UsedAddress]
    made_at: datetime | None = None
    is_counted: bool = True


def compare(share: Share) -> str:
    """The difference to the previous period, in words."""
    if not share.before:
        return "new" if share.count else ""
    change = share.count / share.before - 1
    percent = round(abs(change) * 100)
    return f"{'+' if change > 0 else '−'}{percent:,} %" if percent else "same"


@dataclass(frozen=True, slots=True)
class Shares:
    """rows: by credential if a client is selected, otherwise by client."""

    rows: list[ShareRow]
    reasons: list[RefusalRow]


def find_shares(selection: Selection, totals: Totals, activity: Activity, *, now: datetime) -> Shares:
    if selection.client is not None:
        reasons = [Refusal(reason, count, selection.client) for reason, count in in_order(totals.outcomes)]
        return Shares(_list_credentials(selection.client, selection, now=now), _with_titles(reasons))
    listed = activity.busiest[:LISTED]
    shares = count_shares([client.pk for client in listed] + list(activity.refused), selection.period, now=now)
    rows = [ShareRow(share, compare(share), client=client) for client in listed if (share := shares.get((client.pk, GRANTED))) and share.count]
    reasons = name_refused(totals.outcomes, shares, activity)
    return Shares(sorted(rows, key=lambda row: -row.share.count), _with_titles(reasons))


def _list_credentials(client: Client, selection: Selection, *, now: datetime) -> list[ShareRow]:
    """The list includes credentials that were only used in the previous period, because somebody has just replaced them."""
    shares = count_credential_shares(client, selection.period, now=now)
    rows = [ShareRow(share, compare(share), credential=name_credential(credential)) for credential, share in shares.items() if credential]
    return sorted(rows, key=lambda row: (-row.share.count, -row.share.before, row.credential))


def _with_titles(refusals: list[Refusal]) -> list[RefusalRow]:
    return [RefusalRow(title_of(refusal.reason), refusal) for refusal in refusals]


def find_most_used(selection: Selection, *, clients: int, now: datetime) -> MostUsed:
    """clients: the number of clients in the selection."""
    if selection.client is None and clients > LIVE_CLIENTS:
        return _read_summary(selection)
    found = clients_of(selection.workspace, selection.environment) if selection.client is None else Client.objects.filter(pk=selection.client.pk)
    return MostUsed(most_used_scopes(found, selection.period, now=now), most_used_addresses(found, selection.period, now=now))


def _read_summary(selection: Selection) -> MostUsed:
    summary = UsageSummary.objects.filter(workspace=selection.workspace, environment=selection.environment, period=selection.period.name).first()
    if summary is None:
        return MostUsed([], [], is_counted=False)
    return MostUsed([UsedScope(**used) for used in summary.scopes], [UsedAddress(**used) for used in summary.addresses], summary.made_at)
