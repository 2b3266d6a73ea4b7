"""RFC 6238: the secret that an app shares with an account, and its codes, one for each PERIOD.

They are made by private parts of django-allauth in version 65.21, which no other file imports; see “django-allauth” in pyproject.toml.
"""

import hmac
import time

from allauth.mfa.totp.internal.auth import format_hotp_value, generate_totp_secret, hotp_value
from django.conf import settings

PERIOD = 30


def make_secret() -> str:
    """A new secret in base32."""
    return str(generate_totp_secret())


def code_at(secret: str, counter: int) -> str:
    """counter: the number of periods since 1970."""
    return str(format_hotp_value(hotp_value(secret, counter)))


def find_counter(secret: str, code: str) -> int | None:
    """§4: the time step of a code. It may differ from the present one by MFA_TOTP_TOLERANCE."""
    present = int(time.time()) // PERIOD
    for counter in range(present - settings.MFA_TOTP_TOLERANCE, present + settings.MFA_TOTP_TOLERANCE + 1):
        if hmac.compare_digest(code_at(secret, counter).encode(), code.encode("utf-8", "surrogatepass")):
            return counter
    return None
