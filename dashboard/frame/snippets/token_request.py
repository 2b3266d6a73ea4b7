"""What a client sends to get a token."""

import json
import re
import shlex
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
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# As the lines that make a pair name the files.
PRIVATE_KEY, TLS_CERTIFICATE, TLS_KEY = "private.pem", "client.pem", "client-key.pem"
# Harmless between double quotes, whatever the shell.
_PLAIN = re.compile(r"[\w :./@,=+-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """kind: SECRET by Basic, POST by body, ASSERTION or CERTIFICATE. secret: the plaintext where the page may show it, else "". scope: all that it has.

    kid, algorithm: of the key that signs an assertion. uses_certificate: whether the connection has one, for whatever reason. ca: the file of the authority
    that issued this server's certificate, "" for a public one.
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
        """method: a value of AuthMethod. key: one that is registered, where one is known. ca: where the reader has that file, None for here."""
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
        """Whether it makes a JWT, be it an assertion or a proof."""
        return self.kind == ASSERTION or self.needs_dpop


def server_ca() -> str:
    """The file with the certificate authority of this machine; "" where a proxy ends TLS, with a certificate that everybody trusts."""
    return str(settings.DATA_DIR / "tls" / "ca.pem") if settings.TLS else ""


def methods_to_show(auth_methods: Iterable[str]) -> list[str]:
    """One of each kind: Basic rather than the body, which is the same secret."""
    methods = list(auth_methods)
    if _Method.CLIENT_SECRET_BASIC in methods:
        methods = [method for method in methods if method != _Method.CLIENT_SECRET_POST]
    found = {KINDS[method]: method for method in reversed(methods)}
    return [method for method in methods if found[KINDS[method]] == method]


def find_signing_key(client: Client, now: datetime) -> ClientPublicKey | None:
    """The newest key that works."""
    return ClientPublicKey.objects.usable(now).filter(client=client).order_by("-pk").first()


def quote(text: str) -> str:
    """A string of Python, JavaScript, Go and YAML: what JSON has to escape they all read. Beyond the BMP they read other escapes than JSON's."""
    return json.dumps(text, ensure_ascii=False)


def is_plain(text: str) -> bool:
    """Whether no shell sees anything but text in it, between double quotes."""
    return _PLAIN.fullmatch(text) is not None


def shell(text: str) -> str:
    """A word for sh: readable where that is safe."""
    return f'"{text}"' if is_plain(text) else shlex.quote(text)


def word(text: str) -> str:
    """As shell, without quotes where it needs none. In zsh a word that begins with = is the path of a program."""
    return text if text and " " not in text and not text.startswith("=") and is_plain(text) else shell(text)


def between_quotes(text: str) -> str:
    """A part of a word between double quotes. An interactive bash looks for ! even there, so that gets others."""
    return re.sub(r'([\\"$`])', r"\\\1", text).replace("!", "\"'!'\"")
