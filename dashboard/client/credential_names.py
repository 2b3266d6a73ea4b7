"""What a credential is called on pages, by the ID under which requests and tokens name it (oauth.registration)."""

from typing import NamedTuple


class CredentialName(NamedTuple):
    """kind: “secret”, “public key” and so on. name: its ID, "" where there can be but one."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


def name_credential(credential: str) -> CredentialName | None:
    """None for "", where no credential was recognised."""
    kind, colon, name = credential.partition(":")
    if not colon:
        return CredentialName("secret", credential) if credential else None
    match kind:
        case "key":
            return CredentialName("public key", name)
        case "certificate":
            return CredentialName("certificate", name)
        case "jwks_uri":
            return CredentialName("key of its jwks_uri", name.rpartition(":")[2])
    return CredentialName("certificate by subject", "")
