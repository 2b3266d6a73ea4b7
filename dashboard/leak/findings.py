"""Looking up what a text, or a reference, holds of a workspace: which credentials, tokens and clients, and whether they work."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from threading import Lock

from clients.leaked_text import Traces, find_ids, find_kids, find_traces, find_words
from clients.models import Client, ClientCertificate, ClientPublicKey, ClientSecret, Workspace
from clients.models.credentials import AnyCredential
from clients.policy import ClientPolicy
from clients.secret import HashingBusyError, ParsedSecret, needs_hashing, verify_secret
from clients.services.compromised_keys import find_registered_certificates, find_registered_keys
from dashboard.leak.references import IssuedToken, Referred, refer_to, refer_to_token
from oauth.leaked_token import LeakedToken, find_leaked_tokens
from oauth.models import RevokedToken

# Who used it within that time has most likely not stopped yet.
_USED_LATELY = timedelta(hours=24)
# Of one text. Whoever exports a whole workspace doesn't need each of its clients named.
MOST_FOUND = 300
# Characters up to which the IDs that a text may hold are asked for; a longer one is compared with all IDs of the workspace.
_SHORT = 64 * 1024
# Characters from which on texts are looked through one after the other in a process, so that they take no more of it from tokens than one does.
_LONG = 500_000
_long_text = Lock()
_WAITING = 0.5
# Digests are compared. A secret that has none yet costs an argon2 hash, of which one text is worth a few.
_MOST_HASHED = 3


class Pasted(Enum):
    """What of it somebody had."""

    WHOLE = "whole"
    DAMAGED = "damaged"
    MADE_UP = "made up"
    PRIVATE_KEY = "private key"
    ID = "id"
    # By a reference: in a mail of somebody who had it, or on another page.
    NAMED = "named"

    @property
    def is_harmful(self) -> bool:
        return self not in (Pasted.MADE_UP, Pasted.ID)


class State(Enum):
    """What it is good for. Value: the more harm it can do, the less."""

    USED = 0
    WORKS = 1
    OFF = 2
    ENDED = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """kind: as pages call it. name: its ID. what: its reference. credential: None for a client or token; token: None for others.

    ended_at: since when it is no good. why_off: a sentence, of what is off but hasn't ended.
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
        """Whether ending it changes anything: what has expired was not revoked, and its tokens may live."""
        if self.pasted is Pasted.MADE_UP:
            return False
        if self.credential is not None:
            return self.credential.revoked_at is None
        return self.token is not None and self.state is not State.ENDED


@dataclass(frozen=True, slots=True)
class Report:
    """foreign: the IDs of whole secrets that aren't the workspace's. damaged: how many are cut off so that nobody can tell whose they are.

    unread_tokens, left_out: how many tokens and findings there are more.
    """

    findings: list[Finding]
    foreign: list[str]
    damaged: int
    foreign_private_keys: int = 0
    unread_tokens: int = 0
    left_out: int = 0

    @property
    def endable(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.can_be_ended and finding.pasted is not Pasted.ID]


class BusyError(Exception):
    """Another long text is being looked through in this process; the caller should try again."""


def look_up(text: str, *, workspace: Workspace, now: datetime) -> Report:
    """Of long texts one at a time: each takes a core for seconds. Raise BusyError rather than hold a thread for as long."""
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
    keys = len(traces.public_halves) if not any(pasted is Pasted.PRIVATE_KEY for pasted in credentials.values()) else 0
    return Report(
        findings=found[:MOST_FOUND],
        foreign=[secret.secret_id for secret in traces.secrets if secret.secret_id not in known],
        damaged=len(damaged),
        foreign_private_keys=keys,
        unread_tokens=leaked.unread,
        left_out=max(0, len(found) - MOST_FOUND),
    )


def look_at(referred: Referred, *, now: datetime) -> Report:
    """What somebody else found, or what stands on another page."""
    found = [_describe(row, Pasted.NAMED, now) for row in referred.credentials]
    revoked = _find_revoked(referred.tokens)
    found += [_describe_issued(token, now, is_revoked=token.jti in revoked) for token in referred.tokens]
    found += [_describe_client(client) for client in referred.clients]
    return Report(sorted(found, key=lambda finding: finding.state.value), [], 0)


def _find_credentials(traces: Traces, text: str, workspace: Workspace) -> dict[AnyCredential, Pasted]:
    """The worst of each comes first, and stays."""
    found: dict[AnyCredential, Pasted] = {}
    whole = {secret.secret_id: secret for secret in traces.secrets}
    damaged = [secret_id for secret_id in traces.damaged if secret_id and secret_id not in whole]
    rows = _secrets(workspace, [*whole, *damaged])
    hashes = _MOST_HASHED
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
    """In doubt it is: the ID and the checksum fit."""
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
    yield from _secrets(workspace, secret_ids[: 10 * MOST_FOUND])
    thumbprints = [*thumbprints, *traces.thumbprints][: 10 * MOST_FOUND]
    if thumbprints:
        yield from ClientCertificate.objects.filter(**own, thumbprint__in=thumbprints).select_related("client__workspace")
        yield from ClientPublicKey.objects.filter(**own, thumbprint__in=thumbprints).select_related("client__workspace")
    if kids:
        yield from ClientPublicKey.objects.filter(**own, kid__in=kids).select_related("client__workspace")


def _find_clients(text: str, client_ids: Sequence[str], workspace: Workspace) -> Iterable[Client]:
    """Those of client_ids, and those whose IDs the text holds."""
    own = Client.objects.filter(workspace=workspace)
    if len(text) <= _SHORT:
        named = [word for word in dict.fromkeys(find_words(text)) if len(word) >= 16]
    else:
        named = find_ids(text, set(own.values_list("client_id", flat=True)))
    wanted = list(dict.fromkeys([*client_ids, *named]))[: 100 * MOST_FOUND]
    return own.filter(client_id__in=wanted).select_related("workspace") if wanted else ()


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
    """Why it obtains nothing though it hasn't ended, "" where it does."""
    client = row.client
    if client.status == Client.Status.DISABLED:
        return f"{client.name} is disabled. Whoever enables it makes this work again."
    if client.workspace.deletes_at is not None:
        return f"{client.workspace.name} is about to be deleted. If it is kept, this works again."
    allowed = ClientPolicy.of(client.workspace).permit_auth_methods(client.auth_methods)
    binds = isinstance(row, ClientCertificate) and client.require_certificate
    if not binds and not any(method in allowed for method in row.METHODS):
        return f"{client.name} signs in by other means now. If that is changed back, this works again."
    return ""


def _describe_token(token: LeakedToken, client: Client) -> Finding:
    state = State.ENDED if token.dead_because else State.WORKS
    return Finding("token", token.jti, refer_to_token(token), client, state, Pasted.WHOLE, token=token, ended_at=token.expires_at, why_off=token.dead_because)


def _find_revoked(tokens: Sequence[IssuedToken]) -> set[str]:
    if not tokens:
        return set()
    rows = RevokedToken.objects.filter(jti__in=[token.jti for token in tokens], client__in={token.client.pk for token in tokens})
    return set(rows.values_list("jti", flat=True))


def _describe_issued(token: IssuedToken, now: datetime, *, is_revoked: bool) -> Finding:
    scopes = tuple(token.client.scopes)
    why = "The token is revoked." if is_revoked else "" if token.expires_at > now else "The token ended."
    leaked = LeakedToken(token.jti, token.client.client_id, token.credential_id, scopes, token.expires_at, why)
    return _describe_token(leaked, token.client)


def _describe_client(client: Client) -> Finding:
    state = State.OFF if client.status == Client.Status.DISABLED else State.WORKS
    return Finding("client", client.client_id, refer_to(client), client, state, Pasted.ID)
