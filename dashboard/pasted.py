"""What people paste into a search field by mistake."""

from dashboard.logs import redact


def looks_like_credential(text: str) -> bool:
    """Whether a secret of ours, a JWT, a private key or a header with a credential is in it. Then it is neither searched for nor shown again."""
    return redact(text) != text
