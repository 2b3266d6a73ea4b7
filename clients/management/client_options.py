"""The spelling, in commands, of a client's fields that aren't plain text."""

from datetime import timedelta

from django.core.exceptions import ValidationError

from clients.management.base import parse_whole_number
from clients.models.client import MAX_TOKEN_LIFETIME, MIN_TOKEN_LIFETIME
from clients.scope import parse_scope
from clients.tls_subject import SUBJECT_TYPE_PREFIX


def parse_scopes(text: str) -> tuple[str, ...]:
    scopes = parse_scope(text)
    if scopes is None:
        raise ValidationError(f'“{text[:80]}” isn\'t a scope. Separate scopes by single spaces, for example --scope "read write".', code="invalid_scope")
    return scopes


def parse_token_lifetime(text: str) -> timedelta:
    """text: a number of seconds."""
    least, most = int(MIN_TOKEN_LIFETIME.total_seconds()), int(MAX_TOKEN_LIFETIME.total_seconds())
    return timedelta(seconds=parse_whole_number(text, field="token lifetime in seconds", least=least, most=most))


def parse_tls_subject(text: str) -> dict[str, str]:
    """text: spelled TYPE:VALUE. Returns the fields tls_subject_type and tls_subject."""
    subject_type, colon, subject = text.partition(":")
    if not colon:
        raise ValidationError("Write a TLS subject as TYPE:VALUE, for example san_dns:billing.example.com.", code="invalid_subject")
    return {"tls_subject_type": SUBJECT_TYPE_PREFIX + subject_type, "tls_subject": subject}
