"""The checks of the protocol, each with its subject and its result. Each authentication method yields its checks in order.

An endpoint stops at the first check that fails; oauth.shown_request collects them all.
"""

from collections.abc import Iterator
from enum import Enum, auto
from typing import TypeAlias

from oauth.reasons import Reason


class Subject(Enum):
    """The subject of a check."""

    TRANSPORT = auto()
    QUERY = auto()
    FORM = auto()
    GRANT_TYPE = auto()
    AUTHENTICATION = auto()
    CLIENT = auto()
    SECRET_FORM = auto()
    SECRET = auto()
    OWNER = auto()
    ASSERTION = auto()
    SIGNATURE = auto()
    CLAIMS = auto()
    FIRST_USE = auto()
    CERTIFICATE = auto()
    TOKEN = auto()
    LIFE = auto()
    STATUS = auto()
    METHOD = auto()
    ADDRESS = auto()
    WAIT = auto()
    SCOPE = auto()
    RESOURCE = auto()
    BINDING = auto()
    PROOF = auto()
    PROOF_FIRST_USE = auto()


Checks: TypeAlias = Iterator[tuple[Subject, Reason | None]]
"""Each with why the request would be refused, None if it passes. Plain tuples, because each request makes them."""


def first_refusal(checks: Checks) -> Reason | None:
    """The first refusal, None if all checks pass. The checks after it aren't made."""
    for _, reason in checks:
        if reason is not None:
            return reason
    return None
