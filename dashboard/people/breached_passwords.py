"""Passwords that were published after breaches and are long enough to be accepted here: attackers try them first. The check needs no other machine.

breached_passwords.bin contains the first 8 bytes of each one's SHA-256 (lower case, UTF-8), sorted: 55,000 passwords of 12 characters or more from published
lists of the most common ones. OWASP ASVS 5.0, 6.2.4 and 6.2.12.
"""

from hashlib import sha256
from pathlib import Path

_OCTETS = 8
_LIST = Path(__file__).with_suffix(".bin").read_bytes()


def is_breached(password: str) -> bool:
    """Whether the password is on the list. Case and surrounding spaces make no difference."""
    wanted = sha256(password.strip().lower().encode("utf-8", "surrogatepass")).digest()[:_OCTETS]
    low, high = 0, len(_LIST) // _OCTETS
    while low < high:
        middle = (low + high) // 2
        if _LIST[middle * _OCTETS : (middle + 1) * _OCTETS] < wanted:
            low = middle + 1
        else:
            high = middle
    return _LIST[low * _OCTETS : (low + 1) * _OCTETS] == wanted
