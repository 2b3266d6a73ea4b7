"""The sentences about clients that need attention, one per kind."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from clients.attention import Attention, Finding, Kind
from clients.models import Client
from dashboard.frame.moment import DAY, say_distance

MAX_SENTENCES = 3


@dataclass(frozen=True, slots=True)
class Sentence:
    """before, after: the text around the client's name. more: how many other clients are in the same situation. kind: the status filter that lists them."""

    before: str
    client: Client
    after: str
    more: int
    kind: str


def say_attention(attention: Attention, *, now: datetime) -> list[Sentence]:
    return [_say(finding, now) for finding in attention.findings[:MAX_SENTENCES]]


def _say(finding: Finding, now: datetime) -> Sentence:
    before, after = "", ""
    activity = finding.client.activity
    match finding.kind:
        case Kind.ROTATING:
            after = f"still uses its old secret, which expires {_say_when(finding.at, now)}"
        case Kind.EXPIRING:
            before = f"The last {finding.credential.NOUN if finding.credential else 'credential'} of"
            after = f"expires {_say_when(finding.at, now)}"
        case Kind.NEW_ADDRESS:
            after = f"was used from {activity.new_address} for the first time {_say_when(finding.at, now)}"
        case Kind.REFUSED:
            share = 100 * activity.refused_24h // (activity.granted_24h + activity.refused_24h)
            after = f"had {share} % of its token requests refused in 24 hours"
        case Kind.UNUSED if activity.last_used_at is None:
            after = f"was created {(now - finding.at).days} days ago and has never been used"
        case Kind.UNUSED:
            after = f"hasn’t been used for {(now - finding.at).days} days"
    return Sentence(before, finding.client, after, finding.count - 1, finding.kind)


def _say_when(moment: datetime, now: datetime) -> str:
    """Words such as “in 3 days” and “5 h ago”."""
    if abs(moment - now) < DAY:
        return say_distance(now - moment)
    days = abs(moment - now) // timedelta(days=1)
    text = f"{days} day{'' if days == 1 else 's'}"
    return f"in {text}" if moment > now else f"{text} ago"
