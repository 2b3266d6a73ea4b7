"""Finds a workspace's credentials, tokens and clients that are in a text or named by references, and whether they work."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from threading import Lock

from django.db.models import Q

from clients.leaked_text import Traces, find_ids, find_kids, find_traces, find_words
from clients.models import Client, ClientCertificate, ClientPublicKey, ClientSecret, Workspace
from clients.models.credentials import AnyCredential
from clients.policy import ClientPolicy
from clients.secret import HashingBusyError, ParsedSecret, needs_hashing, verify_secret
from clients.services.compromised_keys import find_registered_certificates, find_registered_keys, without_registered
from dashboard.leak.references import IssuedToken, Referred, refer_to, refer_to_token
from oauth.leaked_token import LeakedToken, find_leaked_tokens
from oauth.models import RevokedToken

# A program that used it within this time is most likely still using it.
_USED_LATELY = timedelta(hours=24)
# The limit for one text. If a whole workspace was exported, not every client needs to be named.
MAX_FOUND = 300
# The limit for the clients that a page names beside a private key.
MAX_KEYHOLDERS = 20
# Up to this many characters, possible IDs in a text are looked up; a longer text is compared with all IDs of the workspace.
_SHORT = 64 * 1024
# From this many characters on, a process searches one text at a time, so that several take no more time from token requests than one.
_LONG = 500_000
_long_text = Lock()
_WAITING = 0.5
# Digests are compared. A secret without one costs an argon2id hash, which is done for only a few per text.
_MAX_HASHED = 3


class Pasted(Enum):
    """The part of the credential that was in the text."""

    WHOLE = "whole"
    DAMAGED = "damaged"
    MADE_UP = "made up"
    PRIVATE_KEY = "private key"
    ID = "id"
    # It was only named by a reference, in an email or on another page.
    NAMED = "named"

    @property
    def is_harmful(self) -> bool:
        return self not in (Pasted.MADE_UP, Pasted.ID)


class State(Enum):
    """The power that it still has. A lower value means more harm."""

    USED = 0
    WORKS = 1
    OFF = 2
    ENDED = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """kind: its name on pages. name: its ID. what: its reference. credential: None for a client or token; token: None for anything else.

    ended_at: since when it hasn't worked. why_off: a sentence, for a credential that doesn't work now but hasn't ended.
    """

    kind: str
    name: str
    what: str
    client: Client
    state: State
    pasted: Pasted
    credential: AnyCredential | None = None
    token: LeakedToken | None = None
    ended_at: datetime | None = None
    why_off: str = ""

    @property
    def credential_id(self) -> str:
        if self.credential is not None:
            return self.credential.credential_id
        return self.token.credential_id if self.token is not None else ""

    @property
    def can_be_ended(self) -> bool:
        """Whether revoking it has an effect: the tokens of an expired credential may still be valid."""
        if self.pasted is Pasted.MADE_UP:
            return False
        if self.credential is not None:
            return self.credential.revoked_at is None
        return self.token is not None and self.state is not State.ENDED


@dataclass(frozen=True, slots=True)
class Report:
    """foreign: the IDs of whole secrets that aren't the workspace's. damaged: the number that is cut off so much that the owner can't be found.

    foreign_private_keys: the number of private keys that aren't registered. keyholders: the first clients whose keys needn't be registered, so one of them may
    be theirs. unread_tokens, left_out: the numbers of further tokens and findings.
    """

    findings: list[Finding]
    foreign: list[str]
    damaged: int
    foreign_private_keys: int = 0
    keyholders: Sequence[Client] = ()
    has_more_keyholders: bool = False
    unread_tokens: int = 0
    left_out: int = 0

    @property
    def endable(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.can_be_ended and finding.pasted is not Pasted.ID]


class BusyError(Exception):
    """Another long text is being searched in this process; the caller should try again."""


def look_up(text: str, *, workspace: Workspace, now: datetime) -> Report:
    """Long texts are searched one at a time, because each takes a core for seconds. Raise BusyError instead of blocking a thread for that long."""
    if len(text) <= _LONG:
        return _look_up(text, workspace, now)
    if not _long_text.acquire(timeout=_WAITING):
        raise BusyError
    try:
        return _look_up(text, workspace, now)
    finally:
        _long_text.release()


def _look_up(text: str, workspace: Workspace, now: datetime) -> Report:
    traces = find_traces(text)
    credentials = _find_credentials(traces, text, workspace)
    found = [_describe(row, pasted, now) for row, pasted in credentials.items()]
    leaked = find_leaked_tokens(traces.jwts, workspace=workspace.slug, now=now)
    clients = {client.client_id: client for client in _find_clients(text, [token.client_id for token in leaked.tokens], workspace)}
    found += [_describe_token(token, clients[token.client_id]) for token in leaked.tokens if token.client_id in clients]
    named = {finding.client.pk for finding in found}
    found += [_describe_client(client) for client in clients.values() if client.pk not in named]
    found.sort(key=lambda finding: (not finding.pasted.is_harmful, finding.pasted is Pasted.MADE_UP, finding.state.value))
    known = {row.secret_id for row in credentials if isinstance(row, ClientSecret)}
    damaged = [secret_id for secret_id in traces.damaged if secret_id not in known]
    registered = [row for row in credentials if isinstance(row, ClientPublicKey | ClientCertificate)]
    keys = len(without_registered(traces.public_halves, registered))
    keyholders = _find_keyholders(workspace) if keys else ()
    return Report(
        findings=found[:MAX_FOUND],
        foreign=[secret.secret_id for secret in traces.secrets if secret.secret_id not in known],
        damaged=len(damaged),
        foreign_private_keys=keys,
        keyholders=keyholders[:MAX_KEYHOLDERS],
        has_more_keyholders=len(keyholders) > MAX_KEYHOLDERS,
        unread_tokens=leaked.unread,
        left_out=max(0, len(found) - MAX_FOUND),
    )


def look_at(referred: Referred, *, now: datetime) -> Report:
    """Look at credentials that somebody else found or another page refers to."""
    found = [_describe(row, Pasted.NAMED, now) for row in referred.credentials]
    revoked = _find_revoked(referred.tokens)
    found += [_describe_issued(token, now, is_revoked=token.jti in revoked) for token in referred.tokens]
    found += [_describe_client(client) for client in referred.clients]
    return Report(sorted(found, key=lambda finding: finding.state.value), [], 0)


def _find_credentials(traces: Traces, text: str, workspace: Workspace) -> dict[AnyCredential, Pasted]:
    """For each credential the worst match comes first and is kept."""
    found: dict[AnyCredential, Pasted] = {}
    whole = {secret.secret_id: secret for secret in traces.secrets}
    damaged = [secret_id for secret_id in traces.damaged if secret_id and secret_id not in whole]
    rows = _secrets(workspace, [*whole, *damaged])
    hashes = _MAX_HASHED
    for row in rows:
        parsed = whole.get(row.secret_id)
        if parsed is None:
            found[row] = Pasted.DAMAGED
            continue
        is_hashed = needs_hashing(row.digest)
        found[row] = Pasted.WHOLE if (is_hashed and hashes == 0) or _is_it(row, parsed) else Pasted.MADE_UP
        hashes -= is_hashed and hashes > 0
    for registered in (find_registered_keys, find_registered_certificates):
        found.update(dict.fromkeys(registered(traces.public_halves, workspace=workspace), Pasted.PRIVATE_KEY))
    for credential in _find_by_id(traces, text, workspace):
        found.setdefault(credential, Pasted.ID)
    return found


def _is_it(row: ClientSecret, parsed: ParsedSecret) -> bool:
    """Whether the pasted secret is this one. True if unsure, because the ID and the checksum fit."""
    try:
        return verify_secret(parsed.plaintext, hashed=row.hash, digest=row.digest)
    except HashingBusyError:
        return True


def _secrets(workspace: Workspace, secret_ids: Sequence[str]) -> Iterable[ClientSecret]:
    if not secret_ids:
        return ()
    return ClientSecret.objects.filter(client__workspace=workspace, secret_id__in=secret_ids).select_related("client__workspace").order_by("pk")


def _find_by_id(traces: Traces, text: str, workspace: Workspace) -> Iterable[AnyCredential]:
    own = {"client__workspace": workspace}
    kids = find_kids(text)
    if len(text) <= _SHORT:
        words = list(dict.fromkeys(find_words(text)))
        secret_ids, thumbprints = [word for word in words if len(word) < 16], [word for word in words if len(word) == 43]
    else:
        known_secrets = set(ClientSecret.objects.filter(**own).values_list("secret_id", flat=True))
        known_keys = set(ClientPublicKey.objects.filter(**own).values_list("thumbprint", flat=True))
        known_certificates = set(ClientCertificate.objects.filter(**own).values_list("thumbprint", flat=True))
        words = find_ids(text, known_secrets | known_keys | known_certificates)
        secret_ids, thumbprints = [word for word in words if word in known_secrets], [word for word in words if word not in known_secrets]
    yield from _secrets(workspace, secret_ids[: 10 * MAX_FOUND])
    thumbprints = [*thumbprints, *traces.thumbprints][: 10 * MAX_FOUND]
    if thumbprints:
        yield from ClientCertificate.objects.filter(**own, thumbprint__in=thumbprints).select_related("client__workspace")
        yield from ClientPublicKey.objects.filter(**own, thumbprint__in=thumbprints).select_related("client__workspace")
    if kids:
        yield from ClientPublicKey.objects.filter(**own, kid__in=kids).select_related("client__workspace")


def _find_clients(text: str, client_ids: Sequence[str], workspace: Workspace) -> Iterable[Client]:
    """The clients in client_ids, and those whose IDs are in the text."""
    own = Client.objects.filter(workspace=workspace)
    if len(text) <= _SHORT:
        named = [word for word in dict.fromkeys(find_words(text)) if len(word) >= 16]
    else:
        named = find_ids(text, set(own.values_list("client_id", flat=True)))
    wanted = list(dict.fromkeys([*client_ids, *named]))[: 100 * MAX_FOUND]
    return own.filter(client_id__in=wanted).select_related("workspace") if wanted else ()


def _find_keyholders(workspace: Workspace) -> Sequence[Client]:
    """Clients that publish their keys at a jwks_uri, or whose certificates a CA issues: one more than the page names."""
    elsewhere = Client.objects.filter(workspace=workspace).filter(~Q(jwks_uri="") | ~Q(tls_subject=""))
    return list(elsewhere.order_by("name", "pk")[: MAX_KEYHOLDERS + 1])


def _describe(row: AnyCredential, pasted: Pasted, now: datetime) -> Finding:
    why_off = _find_why_off(row)
    ended_at = row.revoked_at or (None if row.is_usable(now) else row.expires_at)
    if ended_at is not None:
        state = State.ENDED
    elif why_off:
        state = State.OFF
    else:
        state = State.USED if row.last_used_at is not None and row.last_used_at > now - _USED_LATELY else State.WORKS
    return Finding(row.NOUN, str(row), refer_to(row), row.client, state, pasted, credential=row, ended_at=ended_at, why_off=why_off)


def _find_why_off(row: AnyCredential) -> str:
    """Why it gets no tokens although it hasn't ended, "" if it gets some."""
    client = row.client
    why_off = _find_why_client_is_off(client)
    if why_off:
        return why_off
    allowed = ClientPolicy.of(client.workspace).permit_auth_methods(client.auth_methods)
    binds = isinstance(row, ClientCertificate) and client.require_certificate
    if not binds and not any(method in allowed for method in row.METHODS):
        return f"{client.name} uses another authentication method now. If that is changed back, this works again."
    return ""


def _find_why_client_is_off(client: Client) -> str:
    if client.status == Client.Status.DISABLED:
        return f"{client.name} is disabled. If somebody enables it, this works again."
    if client.workspace.deletes_at is not None:
        return f"{client.workspace.name} is scheduled for deletion. If an owner keeps it, this works again."
    return ""


def _describe_token(token: LeakedToken, client: Client) -> Finding:
    state = State.ENDED if token.has_ended else State.OFF if token.refused_because else State.WORKS
    return Finding(
        "token", token.jti, refer_to_token(token), client, state, Pasted.WHOLE, token=token, ended_at=token.expires_at, why_off=token.refused_because
    )


def _find_revoked(tokens: Sequence[IssuedToken]) -> set[str]:
    if not tokens:
        return set()
    rows = RevokedToken.objects.filter(jti__in=[token.jti for token in tokens], client__in={token.client.pk for token in tokens})
    return set(rows.values_list("jti", flat=True))


def _describe_issued(token: IssuedToken, now: datetime, *, is_revoked: bool) -> Finding:
    scopes = tuple(token.client.scopes)
    why_ended = "The token is revoked." if is_revoked else "" if token.expires_at > now else "The token has expired."
    why = why_ended or _find_why_client_is_off(token.client)
    leaked = LeakedToken(token.jti, token.client.client_id, token.credential_id, scopes, token.expires_at, why, has_ended=bool(why_ended))
    return _describe_token(leaked, token.client)


def _describe_client(client: Client) -> Finding:
    state = State.OFF if client.status == Client.Status.DISABLED else State.WORKS
    return Finding("client", client.client_id, refer_to(client), client, state, Pasted.ID)
