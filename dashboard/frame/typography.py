"""Typesets the sentences of services and the protocol for pages: they are also written for terminals and logs, so they use the ASCII apostrophe."""

from django.core.exceptions import ValidationError


def typeset(text: str) -> str:
    return text.replace("'", "’")


def messages_of(error: ValidationError) -> list[str]:
    """A service's error messages, typeset for a form."""
    return [typeset(message) for message in error.messages]
