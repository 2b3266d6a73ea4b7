"""The names of found things in leak response's forms and URLs: IDs, never the secret or token itself.

s.<secret ID>    k.<client ID>.<kid>    c.<client ID>.<x5t#S256>    i.<client ID>    t.<a token's jti and what else is needed to revoke it, signed>

The signature keeps people from revoking another workspace's token by making up a jti.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.signing import BadSignature, Signer

from clients.models import Client, ClientCertificate, ClientPublicKey, ClientSecret, Workspace
from clients.models.client import CLIENT_ID
from clients.models.credentials import AnyCredential
from clients.public_key import is_kid
from oauth.leaked_token import LeakedToken

# At most this many in one form or URL.
MAX = 300

_SECRET_ID = re.compile("[0-9A-Za-z]{1,32}")
_THUMBPRINT = re.compile("[A-Za-z0-9_-]{43}")
_signer = Signer(salt="leaked token")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token of one of the workspace's clients: enough to revoke it."""

    client: Client
    jti: str
    credential_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Referred:
    """The things in the workspace that references lead to. A thing that doesn't exist, or is in another workspace, is left out."""

    credentials: list[AnyCredential]
    clients: list[Client]
    tokens: list[IssuedToken]


def refer_to(thing: AnyCredential | Client) -> str:
    return f"i.{thing.client_id}" if isinstance(thing, Client) else refer_to_credential(thing.client, thing.credential_id)


def refer_to_credential(client: Client, credential_id: str) -> str:
    """The credential's reference; "" for a client's jwks_uri or TLS subject, which can't be revoked by itself."""
    kind, colon, name = credential_id.partition(":")
    if not colon:
        return f"s.{credential_id}"
    letter = {"key": "k", "certificate": "c"}.get(kind)
    return f"{letter}.{client.client_id}.{name}" if letter else ""


def refer_to_token(token: LeakedToken) -> str:
    return f"t.{_signer.sign_object([token.jti, token.client_id, token.credential_id, int(token.expires_at.timestamp())])}"


def resolve(references: Iterable[str], workspace: Workspace) -> Referred:
    """references: any strings that somebody sent."""
    named: dict[str, list[str]] = {}
    for reference in list(dict.fromkeys(references))[:MAX]:
        kind, dot, name = reference.partition(".")
        if dot:
            named.setdefault(kind, []).append(name)
    return Referred(
        credentials=[*_secrets(named.get("s", ()), workspace), *_keys(named.get("k", ()), workspace), *_certificates(named.get("c", ()), workspace)],
        clients=list(Client.objects.filter(workspace=workspace, client_id__in=[name for name in named.get("i", ()) if CLIENT_ID.match(name)])),
        tokens=_tokens(named.get("t", ()), workspace),
    )


def _secrets(names: Sequence[str], workspace: Workspace) -> list[ClientSecret]:
    ids = [name for name in names if _SECRET_ID.fullmatch(name)]
    return list(ClientSecret.objects.filter(client__workspace=workspace, secret_id__in=ids).select_related("client__workspace")) if ids else []


def _pairs(names: Sequence[str]) -> set[tuple[str, str]]:
    """The client ID and the text after it. A client ID contains no dot, but a kid may."""
    pairs = ((client_id, name) for client_id, _, name in (name.partition(".") for name in names))
    return {(client_id, name) for client_id, name in pairs if CLIENT_ID.match(client_id)}


def _keys(names: Sequence[str], workspace: Workspace) -> list[ClientPublicKey]:
    pairs = {pair for pair in _pairs(names) if is_kid(pair[1])}
    if not pairs:
        return []
    rows = ClientPublicKey.objects.filter(client__workspace=workspace, client__client_id__in={pair[0] for pair in pairs}, kid__in={pair[1] for pair in pairs})
    return [row for row in rows.select_related("client__workspace") if (row.client.client_id, row.kid) in pairs]


def _certificates(names: Sequence[str], workspace: Workspace) -> list[ClientCertificate]:
    pairs = {pair for pair in _pairs(names) if _THUMBPRINT.fullmatch(pair[1])}
    if not pairs:
        return []
    rows = ClientCertificate.objects.filter(client__workspace=workspace, thumbprint__in={pair[1] for pair in pairs})
    return [row for row in rows.select_related("client__workspace") if (row.client.client_id, row.thumbprint) in pairs]


def _tokens(names: Sequence[str], workspace: Workspace) -> list[IssuedToken]:
    claims = []
    for name in names:
        try:
            claims.append(_signer.unsign_object(name))
        except BadSignature:
            continue
    clients = {client.client_id: client for client in _clients({client_id for _, client_id, _, _ in claims}, workspace)}
    return [
        IssuedToken(clients[client_id], jti, credential_id, datetime.fromtimestamp(expires_at, UTC))
        for jti, client_id, credential_id, expires_at in claims
        if client_id in clients
    ]


def _clients(client_ids: set[str], workspace: Workspace) -> Iterable[Client]:
    return Client.objects.select_related("workspace").filter(workspace=workspace, client_id__in=client_ids) if client_ids else ()
