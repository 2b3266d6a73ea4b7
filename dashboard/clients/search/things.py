"""Search among a workspace's clients, credentials, people, scopes and requests."""

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, CharField, F, Q, QuerySet, Value, When
from django.urls import reverse

from clients.models import Client, ClientActivity, ClientCertificate, ClientPublicKey, ClientSecret, RecordedRequest, Scope, Workspace
from dashboard.clients.search.hits import LEAST_FUZZY, Fit, Hit, fit_of
from dashboard.models import Membership

# At most this many of each kind are read.
MAX = 8

_CREDENTIALS, _PEOPLE, _SCOPES, _REQUESTS = "Credentials", "People", "Scopes", "Requests"
CLIENTS = "Clients"

_MAX_FUZZY = 40
_ID = re.compile(r"[\x21-\x7e]{4,128}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
# This server's own format; other request IDs come from a trusted proxy.
_OWN_REQUEST_ID = re.compile(r"[0-9a-f]{32}")


def find_things(workspace: Workspace, text: str) -> list[Hit]:
    """The matches, from at most six queries for a few rows each."""
    return [*_find_clients(workspace, text), *_find_credentials(workspace, text), *_find_people(workspace, text), *_find_rest(workspace, text)]


def describe_clients(clients: Iterable[Client], *, text: str = "") -> list[Hit]:
    hits = []
    for client in clients:
        note = client.get_environment_display() + (", disabled" if client.status == Client.Status.DISABLED else "")
        url = reverse("client", args=[client.workspace.slug, client.client_id])
        fit = max(fit_of(text, client.name) or Fit.FUZZY, fit_of(text, client.client_id) or Fit.FUZZY) if text else Fit.EXACT
        hits.append(Hit(CLIENTS, client.name, url, fit, note=note, client_id=client.client_id))
    return hits


def busiest_clients(workspace: Workspace, count: int) -> list[Client]:
    activities = ClientActivity.objects.filter(workspace=workspace).select_related("client__workspace")
    return [activity.client for activity in activities.order_by("-granted_24h", "-pk")[:count]]


def recent_clients(workspace: Workspace, client_ids: Sequence[str]) -> list[Client]:
    """The clients with those IDs, in the given order."""
    found = {client.client_id: client for client in Client.objects.filter(workspace=workspace, client_id__in=client_ids).select_related("workspace")}
    return [found[client_id] for client_id in client_ids if client_id in found]


def _find_clients(workspace: Workspace, text: str) -> list[Hit]:
    is_found = Q(name__icontains=text) | Q(client_id__icontains=text)
    if LEAST_FUZZY <= len(text) <= _MAX_FUZZY:
        is_found |= Q(name__iregex=_subsequence(text))
    rank = Case(
        When(Q(client_id=text) | Q(name__iexact=text), then=0),
        When(Q(name__istartswith=text) | Q(client_id__istartswith=text), then=1),
        When(name__icontains=text, then=2),
        When(client_id__icontains=text, then=3),
        default=4,
    )
    rows = Client.objects.filter(is_found, workspace=workspace).select_related("workspace")
    return describe_clients(rows.order_by(rank, F("activity__granted_24h").desc(), "-pk")[:MAX], text=text)


def _subsequence(text: str) -> str:
    """A pattern that matches any name in linear time, because no two of its parts can match the same text."""
    return "".join(f"[^{_in_class(character)}]*{re.escape(character)}" for character in text)


def _in_class(character: str) -> str:
    return f"\\{character}" if character in r"\]^-[" else character


def _find_credentials(workspace: Workspace, text: str) -> list[Hit]:
    """The credentials with that whole ID."""
    if not _ID.fullmatch(text):
        return []
    parts = [
        _named(ClientSecret, "Secret", F("secret_id"), workspace, secret_id=text),
        _named(ClientPublicKey, "Public key", F("kid"), workspace, kid=text),
        _named(ClientCertificate, "Certificate", F("thumbprint"), workspace, thumbprint=text),
    ]
    found = parts[0].union(*parts[1:], all=True)[:MAX]
    return [
        Hit(_CREDENTIALS, f"{kind} {label}", reverse("client", args=[workspace.slug, client_id]), Fit.EXACT, note=name, client_id=client_id)
        for kind, label, name, client_id in found
    ]


def _named(model: Any, kind: str, label: Any, workspace: Workspace, **wanted: str) -> QuerySet[Any, Any]:
    rows: QuerySet[Any, Any] = model.objects.filter(client__workspace=workspace, **wanted).order_by()
    named: QuerySet[Any, Any] = rows.annotate(kind=Value(kind, CharField()), label=label)
    return named.values_list("kind", "label", "client__name", "client__client_id")


def _find_people(workspace: Workspace, text: str) -> list[Hit]:
    rows = Membership.objects.filter(Q(user__name__icontains=text) | Q(user__email__icontains=text), workspace=workspace).select_related("user")
    url = reverse("members", args=[workspace.slug])
    found = []
    for member in rows.order_by("user__name", "user__email")[:MAX]:
        fit = max(fit_of(text, member.user.shown_name) or Fit.FUZZY, fit_of(text, member.user.email) or Fit.FUZZY)
        found.append(Hit(_PEOPLE, member.user.shown_name, url, fit, note=member.get_role_display(), icon="user"))
    return found


def _find_rest(workspace: Workspace, text: str) -> list[Hit]:
    clients = reverse("clients", args=[workspace.slug])
    scopes = Scope.objects.filter(workspace=workspace, name__icontains=text).order_by("name")[:MAX]
    found = []
    for scope in scopes:
        url, fit = f"{clients}?{urlencode({'q': scope.name})}", fit_of(text, scope.name) or Fit.PART
        found.append(Hit(_SCOPES, scope.name, url, fit, note="Clients that have it", icon="term"))
    if _REQUEST_ID.fullmatch(text):
        requests = RecordedRequest.objects.filter(workspace=workspace, request_id=text).order_by("-pk")[:1]
        for request in requests:
            url = f"{reverse('explain', args=[workspace.slug])}?request_id={request.request_id}"
            found.append(Hit(_REQUESTS, f"Request {request.request_id}", url, Fit.EXACT, note="Granted" if request.is_granted else "Refused", icon="info"))
        if not requests and _OWN_REQUEST_ID.fullmatch(text):
            url = f"{reverse('explain', args=[workspace.slug])}?request_id={text}"
            found.append(Hit(_REQUESTS, f"Request {text}", url, Fit.FUZZY, note="Not found. See why", icon="info"))
    return found
