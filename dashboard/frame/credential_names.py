"""The names of credentials and authentication methods on pages. Requests and tokens name a credential by an ID (oauth.registration)."""

from typing import NamedTuple

from clients.models import Client
from clients.models.credentials import KINDS, Credential

METHOD_SENTENCES = {
    Client.AuthMethod.CLIENT_SECRET_BASIC.value: "A secret in the Authorization header, or as an API key",
    Client.AuthMethod.CLIENT_SECRET_POST.value: "A secret in the body of the request",
    Client.AuthMethod.PRIVATE_KEY_JWT.value: "A signed assertion: nothing secret is ever sent",
    Client.AuthMethod.TLS_CLIENT_AUTH.value: "A certificate issued by a CA that the operator trusts",
    Client.AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH.value: "A certificate that is registered with the client",
}

_MAX_ID = 24
_NOUNS = {kind.SHORT_NAME: kind.NOUN for kind in KINDS}


class CredentialName(NamedTuple):
    """kind: “secret”, “public key” and so on. name: its ID, "" if there can be only one."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


def name_credential(credential: str) -> CredentialName | None:
    """The credential's name. None for "", which means that no credential was recognised."""
    kind, colon, name = credential.partition(":")
    if not colon:
        return CredentialName("secret", credential) if credential else None
    if kind in _NOUNS:
        return CredentialName(_NOUNS[kind], name)
    return CredentialName("key of its jwks_uri", name.rpartition(":")[2]) if kind == "jwks_uri" else CredentialName("certificate by subject", "")


def has_long_id(credential: Credential) -> bool:
    """Whether the ID is long: people don't type it, and in a sentence it would hide the rest."""
    return len(str(credential)) > _MAX_ID


def call_credential(credential: Credential) -> str:
    """The name in a sentence, such as “secret Kp4zR1uW”. A credential with a long ID is called by its name, if it has one."""
    return f"{credential.NOUN} {credential.name if has_long_id(credential) else credential}".strip()
