"""base64url as JOSE has it, without padding: RFC 7515 §2, RFC 4648 §5."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def encode(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Of the one spelling that encode writes. Raise ValueError."""
    octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(octets) != text:
        raise ValueError
    return octets
