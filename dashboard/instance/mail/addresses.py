"""Addresses to which mail can go, in one spelling: limits count what is written, and mail goes to what it means."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

# Octets (RFC 5321 §4.5.3.1.3, less the angle brackets).
_LONGEST = 254


def clean_address(text: str) -> str:
    """text without spaces around it, in lower case. Raise ValidationError unless it is an address in its plain form.

    By a quoted local part, an encoded word (RFC 2047 §2) or a domain in other letters one mailbox would have many addresses, some of which look like
    another's.
    """
    address = text.strip().lower()
    if len(address) > _LONGEST:
        raise ValidationError(f"An email address has at most {_LONGEST} characters.", code="max_length")
    local, _, domain = address.rpartition("@")
    if not domain.isascii() and (spelled := in_ascii(address)):
        raise ValidationError(f"Enter the domain as the DNS has it: {spelled}", code="not_ascii")
    if not domain.isascii():
        raise ValidationError("Enter an email address, for example ana@example.com.", code="invalid")
    if '"' in local or "=?" in local:
        raise ValidationError("Enter an email address without quotes, for example ana@example.com.", code="not_plain")
    validate_email(address)
    return address


def in_ascii(address: str) -> str:
    """With its domain as the DNS has it (RFC 5890 §2.3.2.1); "" if it can't be written so, or if that is another domain's name.

    Python has the rules of 2003, which take ß for ss. By those of today they are two domains.
    """
    name = as_counted(address)
    try:
        is_same = address.isascii() or name.encode("ascii").rpartition(b"@")[2].decode("idna") == address.rpartition("@")[2]
    except UnicodeError:
        return ""
    return name if is_same else ""


def as_counted(address: str) -> str:
    """The same for numbers of mails to one mailbox, also if the domain's name is another's; "" if it can't be written so."""
    local, _, domain = address[: _LONGEST + 1].rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return ""


def is_address(text: str) -> bool:
    """Whether mail can go there. What names a client's owner may also be a person's or team's name."""
    try:
        clean_address(text)
    except ValidationError:
        return False
    return True
