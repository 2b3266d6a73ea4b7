"""A client and its credentials as their rows store them, the result of a look-up, and the names of credentials in tokens.

All are NamedTuples because they are made for each request, and a frozen dataclass takes five times as long to make.
"""

import hashlib
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from clients.audience import workspace_audience


class RegisteredClient(NamedTuple):
    """A client as its row stores it, limited to what its workspace allows.

    pk, workspace_pk: primary keys; workspace: its slug; token_lifetime: seconds; allowed_networks: CIDR ranges. auth_methods: those that it may use now;
    forbidden_auth_methods: its others, which the workspace forbids. is_workspace_deleted: its workspace is scheduled for deletion, so the client isn't enabled.
    audiences: those that its tokens may be for; withheld_audiences: its others, which belong to another workspace.
    tls_subject_type: the name in RFC 8705 §2.1.2 for the kind of tls_subject; both are "" if the client has none.
    """

    pk: int
    client_id: str
    workspace_pk: int
    workspace: str
    environment: str
    is_enabled: bool
    auth_methods: tuple[str, ...]
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]
    withheld_audiences: tuple[str, ...]
    allowed_networks: tuple[str, ...]
    token_lifetime: int
    require_dpop: bool
    require_certificate: bool
    jwks_uri: str
    tls_subject_type: str
    tls_subject: str
    forbidden_auth_methods: tuple[str, ...]
    is_workspace_deleted: bool

    @property
    def default_audience(self) -> str:
        return workspace_audience(self.workspace)

    @property
    def own_audiences(self) -> tuple[str, ...]:
        """The audiences of its tokens, and of the resource server that it is: the workspace's own audience if it has none; () if all are withheld."""
        return self.audiences or (() if self.withheld_audiences else (self.default_audience,))

    @property
    def jwks_uri_credential(self) -> str:
        """The credential_id for jwks_uri: a different URI is a different credential."""
        return _fingerprint("jwks_uri", self.jwks_uri)

    @property
    def tls_subject_credential(self) -> str:
        return _fingerprint("tls_subject", f"{self.tls_subject_type}:{self.tls_subject}")


class RegisteredSecret(NamedTuple):
    """pk, id: its primary key and its secret ID. client_pk: its client."""

    pk: int
    id: str
    client_pk: int
    expires_at: datetime | None
    revoked_at: datetime | None
    hash: str
    digest: str

    @property
    def credential_id(self) -> str:
        """The credential_id in tokens that it obtained."""
        return self.id


class RegisteredKey(NamedTuple):
    """id: its kid. algorithm: "" for any RSA algorithm. public_jwk: JSON."""

    pk: int
    id: str
    client_pk: int
    expires_at: datetime | None
    revoked_at: datetime | None
    algorithm: str
    public_jwk: str

    @property
    def credential_id(self) -> str:
        """The credential_id in tokens that it obtained."""
        return f"key:{self.id}"


class RegisteredCertificate(NamedTuple):
    """id: its x5t#S256."""

    pk: int
    id: str
    client_pk: int
    expires_at: datetime | None
    revoked_at: datetime | None
    valid_from: datetime

    @property
    def credential_id(self) -> str:
        """The credential_id in tokens that it obtained."""
        return f"certificate:{self.id}"


CredentialT = TypeVar("CredentialT", RegisteredSecret, RegisteredKey, RegisteredCertificate)


class Registration(NamedTuple, Generic[CredentialT]):
    """client, credential: None if there is none. signing_kid: the kid of the key that signs now. blocked_until: seconds since the epoch."""

    client: RegisteredClient | None
    credential: CredentialT | None
    signing_kid: str | None
    blocked_until: int | None


class TokenState(NamedTuple):
    """The state of everything that a token depends on. client: None if it was deleted. signing_key_retires_at: None if not yet known."""

    client: RegisteredClient | None
    is_credential_revoked: bool
    is_signing_key_revoked: bool
    signing_key_retires_at: datetime | None
    is_token_revoked: bool


def _fingerprint(kind: str, value: str) -> str:
    return f"{kind}:{hashlib.sha256(value.encode()).hexdigest()[:32]}"
