"""What people sign in with beside a password: a passkey in Chromium's own virtual authenticator, and one-time codes (RFC 6238)."""

import base64
import hashlib
import hmac
import json
import os
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData
from playwright.sync_api import Page

OPTIONS = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def add_authenticator(page: Page) -> None:
    """One that answers at once, as if a finger lay on it, for as long as the page is open."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": OPTIONS})


def registration() -> dict[str, Any]:
    """What a browser answers when a passkey is made (WebAuthn Level 3 §5.1, RegistrationResponseJSON), of a device that nobody has."""
    key = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    credential_id = os.urandom(16)
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | AuthenticatorData.FLAG.AT
    attested = AttestedCredentialData.create(b"\0" * 16, credential_id, key)
    data = AuthenticatorData.create(hashlib.sha256(b"localhost").digest(), flags, 0, attested)
    client_data = json.dumps({"type": "webauthn.create", "challenge": "", "origin": "https://localhost"}).encode()
    response = {"clientDataJSON": _encode(client_data), "attestationObject": _encode(AttestationObject.create("none", data, {}))}
    return {"id": _encode(credential_id), "rawId": _encode(credential_id), "type": "public-key", "response": response, "clientExtensionResults": {}}


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def one_time_code(secret: str, *, steps: int = 0) -> str:
    """steps: of 30 seconds, from now. A code can be used once, so a second one has to be the next."""
    counter = int(time.time()) // 30 + steps
    digest = hmac.new(base64.b32decode(secret.replace(" ", "")), counter.to_bytes(8), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 1_000_000:06}"
