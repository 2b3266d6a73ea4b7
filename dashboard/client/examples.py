"""The requests that get a client a token, one set for each of its authentication methods."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clients.models import Client
from clients.policy import ClientPolicy
from dashboard.frame.snippets import Snippet, TokenRequest, snippets_for
from dashboard.frame.snippets.token_request import ASSERTION, CERTIFICATE, KINDS, POST, SECRET, find_signing_key, methods_to_show

_TITLES = {SECRET: "With the secret", POST: "With the secret, in the body", ASSERTION: "With a signed assertion", CERTIFICATE: "With a client certificate"}


@dataclass(frozen=True, slots=True)
class Example:
    """kind: from dashboard.frame.snippets.token_request. lacks_key: whether it would be refused because no key is registered.

    kid: the signing key's, "" for none.
    """

    kind: str
    title: str
    snippets: Sequence[Snippet]
    kid: str = ""
    lacks_key: bool = False
    is_forbidden: bool = False


def examples_of(client: Client, *, now: datetime) -> list[Example]:
    return [_describe(client, method, now) for method in methods_to_show(client.auth_methods)]


def _describe(client: Client, method: str, now: datetime) -> Example:
    kind = KINDS[method]
    key = find_signing_key(client, now) if kind == ASSERTION else None
    return Example(
        kind,
        _TITLES[kind],
        snippets_for(TokenRequest.of(client, method, key=key)),
        kid=key.kid if key else "",
        lacks_key=kind == ASSERTION and key is None and not client.jwks_uri,
        is_forbidden=method in ClientPolicy.of(client.workspace).forbidden_auth_methods,
    )
