"""Nonces for DPoP proofs, RFC 9449 §8 and §9: an option of the instance, DPOP_NONCE.

Stateless: each is derived from the time by SECRET_KEY, so all workers and nodes give and take the same ones without a table.
"""

from datetime import datetime

from django.conf import settings
from django.utils.crypto import salted_hmac

from clients import base64url
from oauth.messages import Request

# Seconds for which the same nonce is given. It is taken for as long again.
SLOT = 60


def current_nonce(now: datetime) -> str:
    return _nonce(_slot(now))


def is_fresh(nonce: object, *, now: datetime) -> bool:
    """Also the next one, which a node gives whose clock is a little ahead. Nobody else knows it yet."""
    slot = _slot(now)
    return nonce in (_nonce(slot), _nonce(slot - 1), _nonce(slot + 1))


def nonce_headers(request: Request) -> tuple[tuple[str, str], ...]:
    """What a good answer to a request with a proof holds, so that the next proof is good as well (§8.2)."""
    return (("DPoP-Nonce", current_nonce(request.now)),) if settings.DPOP_NONCE and "dpop" in request.headers else ()


def _slot(now: datetime) -> int:
    return int(now.timestamp()) // SLOT


def _nonce(slot: int) -> str:
    return base64url.encode(salted_hmac("oauth.dpop_nonce", str(slot), algorithm="sha256").digest()[:18])
