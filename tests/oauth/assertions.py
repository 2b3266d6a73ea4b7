"""Client assertions, valid and invalid."""

import json
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from clients.models import Client, ClientPublicKey, Workspace
from clients.public_key import read_public_keys
from clients.services.clients import create_client_with_credentials
from tests.factories import TESTS
from tests.oauth.proofs import ISSUER, Key, base64url, encode, key, without_none

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class Robot:
    """A client with a key, and what its program has. kid: as registered."""

    client: Client
    key: Key
    kid: str = ""
    rows: list[ClientPublicKey] = field(default_factory=list)

    @property
    def client_id(self) -> str:
        return self.client.client_id

    def header(self, **changes: Any) -> dict[str, Any]:
        """None omits a member."""
        return without_none({"alg": self.key.algorithm, "kid": self.kid, "typ": "JWT", **changes})

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        usual = {"iss": self.client_id, "sub": self.client_id, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": token_urlsafe(16)}
        return without_none({**usual, **changes})

    def assertion(self, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A valid assertion, except for the changes."""
        return self.key.sign(encode(self.header(**(header or {}))), encode(self.claims(**changes)))

    def raw(self, header: str | None = None, payload: str | None = None) -> str:
        """An assertion that is signed over these texts instead of the usual JSON."""
        return self.key.sign(
            *(encode(usual) if text is None else base64url(text.encode()) for text, usual in ((header, self.header()), (payload, self.claims())))
        )

    def form(self, assertion: str | None = None, **changes: Any) -> dict[str, str]:
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion(**changes) if assertion is None else assertion}


def create_robot(workspace: Workspace, *keys: Key, now: datetime, jwk: dict[str, Any] | None = None, **fields: Any) -> Robot:
    """The first of keys signs. jwk: additional members of the JWKs."""
    registered = keys or (key("ES256"),)
    parsed = [one for signer in registered for one in read_public_keys(json.dumps({**signer.jwk, **(jwk or {})}))]
    new = create_client_with_credentials(
        workspace=workspace,
        name="robot",
        public_keys=parsed,
        actor=TESTS,
        now=now - timedelta(seconds=30),
        **{"auth_methods": ["private_key_jwt"], "scopes": ("read", "write"), **fields},
    )
    return Robot(new.client, registered[0], parsed[0].kid, new.public_keys)
