"""A client's request for a token."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.conf import settings

from clients.models import Client, ClientPublicKey

_Method = Client.AuthMethod
SECRET, POST, ASSERTION, CERTIFICATE = "secret", "post", "assertion", "certificate"
KINDS = {
    _Method.CLIENT_SECRET_BASIC.value: SECRET,
    _Method.CLIENT_SECRET_POST.value: POST,
    _Method.PRIVATE_KEY_JWT.value: ASSERTION,
    _Method.TLS_CLIENT_AUTH.value: CERTIFICATE,
    _Method.SELF_SIGNED_TLS_CLIENT_AUTH.value: CERTIFICATE,
}


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """kind: SECRET by Basic, POST by body, ASSERTION or CERTIFICATE. secret: the plaintext if the page may show it, otherwise "". scope: all of the client's.

    kid, algorithm: those of the key that signs an assertion. uses_certificate: whether the connection has one. ca: the file of the CA that issued this server's
    certificate, "" for a public CA.
    """

    client_id: str
    kind: str
    scope: str = ""
    secret: str = ""
    kid: str = ""
    algorithm: str = "ES256"
    needs_dpop: bool = False
    uses_certificate: bool = False
    issuer: str = ""
    ca: str = ""

    @classmethod
    def of(cls, client: Client, method: str, *, secret: str = "", key: ClientPublicKey | None = None, ca: str | None = None) -> Self:
        """method: a value of AuthMethod. key: a registered key, if one is known. ca: the path of that file for the reader, None for this machine's."""
        return cls(
            client_id=client.client_id,
            kind=KINDS[method],
            scope=" ".join(client.scopes),
            secret=secret,
            kid=key.kid if key else "",
            algorithm=(key.algorithm or "RS256") if key else "ES256",
            needs_dpop=client.require_dpop,
            uses_certificate=client.require_certificate or KINDS[method] == CERTIFICATE,
            issuer=settings.ISSUER_URL,
            ca=server_ca() if ca is None else ca,
        )

    @property
    def url(self) -> str:
        return f"{self.issuer}/oauth2/token"

    @property
    def has_secret(self) -> bool:
        return self.kind in (SECRET, POST)

    @property
    def signs(self) -> bool:
        """Whether the request contains a JWT that the client signs, either an assertion or a proof."""
        return self.kind == ASSERTION or self.needs_dpop

    @property
    def family(self) -> str:
        """The algorithm's family: ES, RS, PS or Ed. RFC 7518 §3.1, RFC 8037 §3.1."""
        return self.algorithm[:2]

    @property
    def hash(self) -> str:
        """The hash, such as sha256; "" for EdDSA, which has no choice."""
        return "" if self.family == "Ed" else f"sha{self.algorithm[2:]}"


def server_ca() -> str:
    """The file of this machine's CA; "" if a proxy ends TLS, with a publicly trusted certificate."""
    return str(settings.DATA_DIR / "tls" / "ca.pem") if settings.TLS else ""


def methods_to_show(auth_methods: Iterable[str]) -> list[str]:
    """One method of each kind: of the two ways to send a secret, Basic."""
    methods = list(auth_methods)
    if _Method.CLIENT_SECRET_BASIC in methods:
        methods = [method for method in methods if method != _Method.CLIENT_SECRET_POST]
    found = {KINDS[method]: method for method in reversed(methods)}
    return [method for method in methods if found[KINDS[method]] == method]


def find_signing_key(client: Client, now: datetime) -> ClientPublicKey | None:
    """The newest key that works."""
    return ClientPublicKey.objects.usable(now).filter(client=client).order_by("-pk").first()
