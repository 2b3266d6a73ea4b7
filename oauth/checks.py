"""The checks of the protocol: what each is about, and what it says. Each authentication method yields its own, in their order.

An endpoint stops at the first that fails; oauth.shown_request collects them all.
"""

from collections.abc import Iterator
from enum import Enum, auto
from typing import TypeAlias

from oauth.reasons import Reason


class Subject(Enum):
    """What a check is about."""

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
"""Each with why it would be refused, None where it is good. Plain tuples, for each request makes them."""


def first_refusal(checks: Checks) -> Reason | None:
    """None where all are good. No check after it is made."""
    for _, reason in checks:
        if reason is not None:
            return reason
    return None
