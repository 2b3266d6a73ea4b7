"""The docs pages: the list, and the values of the workspace and a client for their examples."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote_plus

from django.conf import settings
from django.db.models import Q

from clients.audience import workspace_audience
from clients.credential_list import holds_usable
from clients.models import Client, Workspace
from clients.models.client import CLIENT_ID
from clients.policy import ClientPolicy
from dashboard.client.fields import say_token_lifetime
from dashboard.frame.snippets import Snippet, TokenRequest, snippets_for
from dashboard.frame.snippets.token_request import ASSERTION, CERTIFICATE, KINDS, SECRET, find_signing_key, server_ca

MAX_OFFERED = 50


@dataclass(frozen=True, slots=True)
class Page:
    slug: str
    title: str
    summary: str


PAGES = (
    Page("quick-start", "Quick start", "From a client to a token that your API checks"),
    Page("authentication", "Three ways to authenticate", "Secret, signed assertion, client certificate"),
    Page("dpop", "DPoP", "Tokens that are useless when stolen"),
    Page("resource-and-scope", "Resource and scope", "Which API a token is for, and what it may do there"),
    Page("introspection", "Introspection and revocation", "Check whether a token is active, and revoke it"),
    Page("gateway", "Gateway", "nginx, Traefik, Envoy and Caddy ask TokenOS before your API sees a request"),
    Page("errors", "Errors", "The cause of each error, and what to do"),
)


def find_page(slug: str) -> Page | None:
    return next((page for page in PAGES if page.slug == slug), None)


@dataclass(frozen=True, slots=True)
class Values:
    """The values in examples. client: None if the workspace has none. scope: one of its scopes. audience: its tokens'.

    gateway: the path that a proxy asks, with its requirements. token_lifetime: in words.
    """

    workspace: Workspace
    client: Client | None
    client_id: str
    scope: str
    audience: str
    issuer: str
    ca: str
    gateway: str
    token_lifetime: str

    @property
    def own_audience(self) -> str:
        """The workspace's audience, which /api/v1 accepts."""
        return workspace_audience(self.workspace.slug)

    @property
    def gateway_url(self) -> str:
        return self.issuer + self.gateway


def offer_clients(workspace: Workspace) -> list[Client]:
    """The newest clients, for the picker; any other can be found by its name or ID."""
    return list(Client.objects.filter(workspace=workspace).order_by("-pk")[:MAX_OFFERED])


def choose_first(offered: Sequence[Client], *, now: datetime) -> Client | None:
    """The newest client for which the examples work, or else the newest. None if none is offered."""
    listed = Client.objects.filter(pk__in=[client.pk for client in offered], status=Client.Status.ENABLED)
    works = listed.filter(holds_usable(now)).order_by("-pk").values_list("pk", flat=True).first()
    return next((client for client in offered if client.pk == works), next(iter(offered), None))


def find_named(workspace: Workspace, text: str) -> Client | None:
    """The client with that ID or whole name."""
    wanted = text.strip()
    if not wanted or "\0" in wanted or len(wanted) > 100:
        return None
    clients = Client.objects.filter(workspace=workspace).select_related("workspace")
    by = Q(client_id=wanted) if CLIENT_ID.match(wanted) else Q(name=wanted)
    return clients.filter(by).order_by("-pk").first() or clients.filter(name=wanted).order_by("-pk").first()


def values_of(workspace: Workspace, client: Client | None) -> Values:
    default = workspace_audience(workspace.slug)
    scope = next(iter(client.scopes), "read") if client else "read"
    audience = next(iter(client.audiences), default) if client else default
    ca = server_ca()
    return Values(
        workspace=workspace,
        client=client,
        client_id=client.client_id if client else "CLIENT_ID",
        scope=scope,
        audience=audience,
        issuer=settings.ISSUER_URL,
        ca=ca,
        gateway=f"/gateway/{workspace.slug}/verify?scope={quote_plus(scope)}&audience={quote_plus(audience, safe=':/')}&environment=live",
        token_lifetime=say_token_lifetime(client.token_lifetime if client else int(ClientPolicy.of(workspace).default_token_lifetime.total_seconds())),
    )


@dataclass(frozen=True, slots=True)
class Way:
    """kind: from dashboard.frame.snippets.token_request. is_allowed: whether the chosen client may use it."""

    kind: str
    snippets: Sequence[Snippet]
    is_allowed: bool


def ways_to_sign_in(values: Values, *, now: datetime) -> dict[str, Way]:
    """The ways by kind: SECRET, ASSERTION and CERTIFICATE."""
    return {kind: _way(values, kind, now) for kind in (SECRET, ASSERTION, CERTIFICATE)}


def _way(values: Values, kind: str, now: datetime) -> Way:
    client = values.client
    key = find_signing_key(client, now) if client is not None and kind == ASSERTION else None
    request = TokenRequest(
        client_id=values.client_id,
        kind=kind,
        scope=" ".join(client.scopes) if client else values.scope,
        kid=key.kid if key else "",
        algorithm=(key.algorithm or "RS256") if key else "ES256",
        uses_certificate=kind == CERTIFICATE,
        issuer=values.issuer,
        ca=values.ca,
    )
    methods = [method for method, other in KINDS.items() if other == kind]
    return Way(kind, snippets_for(request), client is None or any(method in client.auth_methods for method in methods))


def bound_by_dpop(values: Values) -> Sequence[Snippet]:
    request = TokenRequest(values.client_id, SECRET, scope=values.scope, needs_dpop=True, issuer=values.issuer, ca=values.ca)
    return snippets_for(replace(request, scope=" ".join(values.client.scopes) if values.client else values.scope))
