"""A workspace's pages and actions, for search."""

from collections.abc import Iterator

from django.urls import reverse

from dashboard.clients.search.hits import Fit, Hit, fit_of
from dashboard.docs.pages import PAGES
from dashboard.frame.context import pages_of
from dashboard.models import Membership
from dashboard.people.permissions import Permission, may

ACTIONS, GO_TO = "Actions", "Go to"

# Route name, label, icon, keyboard shortcut, required permission, and synonyms.
_ACTIONS = (
    ("client_new", "Create client", "plus", "C", Permission.WRITE_CLIENTS, "new add make"),
    ("leak", "Respond to a leak", "siren", "G then L", Permission.VIEW, "leaked secret revoke found pasted stolen"),
    ("explain", "Explain a request", "info", "", Permission.VIEW, "why refused request id error test a credential"),
    ("clients", "Rotate a secret: choose its client", "rotate", "", Permission.WRITE_CLIENTS, "renew new secret rotation"),
    ("hygiene", "Find what to tidy up", "check", "", Permission.VIEW, "hygiene unused idle never expires weak"),
    ("invite", "Invite people", "users", "", Permission.MANAGE_MEMBERS, "member add person"),
)
_MORE_PAGES = (
    ("scopes", "Scopes", "sliders"),
    ("audiences", "Audiences", "sliders"),
    ("retention", "Retention", "clock"),
)
_OWN_PAGES = (
    ("mfa_index", "Account security", "lock", "password passkeys one-time codes recovery second factor"),
    ("display", "Keyboard and display", "screen", "theme dark light"),
    ("workspaces", "All workspaces", "list", ""),
    ("help", "Help", "info", ""),
)


def find_pages(membership: Membership, text: str) -> list[Hit]:
    """The pages that match the text."""
    found = []
    for hit, words in _all(membership):
        fit = fit_of(text, hit.label, words=words)
        if fit is not None:
            found.append(_with(hit, fit))
    return found


def first_pages(membership: Membership) -> list[Hit]:
    """The pages to show before anything is typed."""
    hits = [hit for hit, _ in _all(membership)]
    actions = [hit for hit in hits if hit.group == ACTIONS][:3]
    there = {hit.url for hit in actions}
    return [*actions, *[hit for hit in hits if hit.group == GO_TO and hit.url not in there][1:3]]


def _all(membership: Membership) -> Iterator[tuple[Hit, str]]:
    slug = membership.workspace.slug
    for name, label, icon, keys, permission, words in _ACTIONS:
        if may(membership, permission):
            yield Hit(ACTIONS, label, reverse(name, args=[slug]), Fit.EXACT, note=keys, icon=icon), words
    for page in pages_of(membership.workspace):
        yield Hit(GO_TO, page.label, page.url, Fit.EXACT, note=f"G then {page.key.upper()}", icon=page.icon), ""
    for name, label, icon in _MORE_PAGES:
        yield Hit(GO_TO, label, reverse(name, args=[slug]), Fit.EXACT, icon=icon), "settings"
    for doc in PAGES:
        yield Hit(GO_TO, doc.title, reverse("docs_page", args=[slug, doc.slug]), Fit.EXACT, note="API and docs", icon="book"), f"docs {doc.summary.casefold()}"
    for name, label, icon, words in _OWN_PAGES:
        yield Hit(GO_TO, label, reverse(name), Fit.EXACT, icon=icon), f"account {words}"


def _with(hit: Hit, fit: Fit) -> Hit:
    return Hit(hit.group, hit.label, hit.url, fit, note=hit.note, icon=hit.icon)
