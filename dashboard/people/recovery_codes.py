"""Recovery codes: their format, and the hashes that an account stores. OWASP ASVS 5.0, 6.5.2.

A code contains its place among the ten, so that only one hash is computed for it instead of ten. Older codes of 8 digits contain none.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.crypto import get_random_string

from clients.secret import hash_secret, verify_secret
from dashboard.people.password_hasher import in_turn

CODES = 10

# These characters don't look alike. 11 of 30 characters have 54 random bits, and with argon2id each guess costs 20 ms.
_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
_RANDOM = 11
_CODE = re.compile(f"[{_ALPHABET[:CODES]}][{_ALPHABET}]{{{_RANDOM}}}", re.ASCII)
_OLD_CODE = re.compile(r"[0-9]{8}", re.ASCII)


def make() -> tuple[list[str], dict[str, Any]]:
    """The codes for the person, and the data that the account stores. This computes 10 argon2id hashes, so don't call it in a transaction."""
    codes = [_ALPHABET[place] + get_random_string(_RANDOM, _ALPHABET) for place in range(CODES)]
    return ["-".join((code[:4], code[4:8], code[8:])) for code in codes], {"hashes": [in_turn(hash_secret, code) for code in codes]}


def normalize(written: str) -> str | None:
    """The code in its usual form; None if it can't be a recovery code. written: no longer than the form allows."""
    code = re.sub(r"[\s-]", "", written).lower()
    return code if _CODE.fullmatch(code) or _OLD_CODE.fullmatch(code) else None


def find_place(code: str, data: Mapping[str, Any]) -> int | None:
    """The place of the code among the account's; None for a wrong or used one. code: normalized. Raise clients.secret.HashingBusyError."""
    hashes = data["hashes"]
    places = range(len(hashes)) if _OLD_CODE.fullmatch(code) and data.get("are_old") else [_ALPHABET.index(code[0])]
    return next((place for place in places if place < len(hashes) and hashes[place] and verify_secret(code, hashed=hashes[place], digest="")), None)


def count_left(data: Mapping[str, Any]) -> int:
    return sum(hashed is not None for hashed in data["hashes"])
