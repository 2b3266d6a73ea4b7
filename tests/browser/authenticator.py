"""What people sign in with besides a password: a passkey in Chromium's virtual authenticator, and one-time codes (RFC 6238)."""

import base64
import hashlib
import hmac
import time

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
    """An authenticator that answers at once, as if a finger lay on it, as long as the page is open."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": OPTIONS})


def one_time_code(secret: str, *, steps: int = 0) -> str:
    """steps: of 30 seconds, from now. A code can be used once, so a second one has to be the next."""
    counter = int(time.time()) // 30 + steps
    digest = hmac.new(base64.b32decode(secret.replace(" ", "")), counter.to_bytes(8), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 1_000_000:06}"
