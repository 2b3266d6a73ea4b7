"""Nonces for DPoP proofs, RFC 9449 §8 and §9: an option of the instance, DPOP_NONCE.

Stateless: each nonce is derived from the time and SECRET_KEY, so all workers and nodes issue and accept the same ones without a table.
"""

from datetime import datetime

from django.conf import settings
from django.utils.crypto import salted_hmac

from clients import base64url
from oauth.messages import Request

# For this many seconds the same nonce is issued. It is accepted for the same time afterwards.
SLOT = 60


def current_nonce(now: datetime) -> str:
    return _nonce(_slot(now))


def is_fresh(nonce: object, *, now: datetime) -> bool:
    """The next nonce is fresh too: a node whose clock is slightly ahead already issues it, and others can't guess it."""
    slot = _slot(now)
    return nonce in (_nonce(slot), _nonce(slot - 1), _nonce(slot + 1))


def nonce_headers(request: Request) -> tuple[tuple[str, str], ...]:
    """The headers that give the client a nonce for its next proof (§8.2)."""
    return (("DPoP-Nonce", current_nonce(request.now)),) if settings.DPOP_NONCE and "dpop" in request.headers else ()


def _slot(now: datetime) -> int:
    return int(now.timestamp()) // SLOT


def _nonce(slot: int) -> str:
    return base64url.encode(salted_hmac("oauth.dpop_nonce", str(slot), algorithm="sha256").digest()[:18])
