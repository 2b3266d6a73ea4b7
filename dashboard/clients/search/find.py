"""The best matches of all kinds, in groups."""

from itertools import groupby

from dashboard.clients.search.hits import Fit, Hit
from dashboard.clients.search.pages import find_pages, first_pages
from dashboard.clients.search.things import busiest_clients, describe_clients, find_things, recent_clients
from dashboard.models import Membership

MAX = 8
_RECENT = 3

Groups = list[tuple[str, list[Hit]]]


def find(membership: Membership, text: str) -> Groups:
    """The best MAX matches, the best one's group first. Loose matches are only included if nothing matches better. text: not empty."""
    hits = [*find_things(membership.workspace, text), *find_pages(membership, text)]
    least = Fit.WORD if any(hit.fit >= Fit.PART for hit in hits) else Fit.FUZZY
    best = sorted((hit for hit in hits if hit.fit >= least), key=lambda hit: -hit.fit)[:MAX]
    order = {hit.group: index for index, hit in reversed(list(enumerate(best)))}
    return _group(sorted(best, key=lambda hit: order[hit.group]))


def suggest(membership: Membership, recent: list[str]) -> Groups:
    """The results before anything is typed. recent: client IDs, the most recent first."""
    clients = recent_clients(membership.workspace, recent)[:_RECENT] or busiest_clients(membership.workspace, _RECENT)
    return _group([*describe_clients(clients), *first_pages(membership)])


def _group(hits: list[Hit]) -> Groups:
    return [(group, list(found)) for group, found in groupby(hits, key=lambda hit: hit.group)]
