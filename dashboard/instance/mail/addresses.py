"""Mail addresses in one spelling: limits count the written address, but mail goes to the mailbox behind it."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

# Bytes (RFC 5321 §4.5.3.1.3, without the angle brackets).
_MAX = 254


def clean_address(text: str) -> str:
    """text without surrounding spaces, in lower case. Raise ValidationError unless it is a plain address.

    With quoted local parts, encoded words (RFC 2047 §2) or domains in other scripts, one mailbox would have many addresses, some of which look like
    somebody else's.
    """
    address = text.strip().lower()
    if len(address) > _MAX:
        raise ValidationError(f"An email address can have at most {_MAX} characters.", code="max_length")
    local, _, domain = address.rpartition("@")
    if not domain.isascii() and (spelled := in_ascii(address)):
        raise ValidationError(f"Enter the domain as in the DNS: {spelled}", code="not_ascii")
    if not domain.isascii():
        raise ValidationError("Enter an email address, for example ana@example.com.", code="invalid")
    if '"' in local or "=?" in local:
        raise ValidationError("Enter an email address without quotes, for example ana@example.com.", code="not_plain")
    validate_email(address)
    return address


def in_ascii(address: str) -> str:
    """The address with its domain as in the DNS (RFC 5890 §2.3.2.1); "" if there is no such form, or if it would be another domain's name.

    Python follows the rules of 2003, which treat ß as ss. By today's rules these are two domains.
    """
    name = as_counted(address)
    try:
        is_same = address.isascii() or name.encode("ascii").rpartition(b"@")[2].decode("idna") == address.rpartition("@")[2]
    except UnicodeError:
        return ""
    return name if is_same else ""


def as_counted(address: str) -> str:
    """The form for counting emails to one mailbox, even if the domain's name is another domain's; "" if there is no such form."""
    local, _, domain = address[: _MAX + 1].rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return ""


def is_address(text: str) -> bool:
    """Whether mail can go there. A client's contact may also be the name of a person or team."""
    try:
        clean_address(text)
    except ValidationError:
        return False
    return True
