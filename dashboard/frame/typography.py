"""What services and the protocol say, as pages set it: they write for terminals and logs as well, and so with the apostrophe of ASCII."""

from django.core.exceptions import ValidationError


def typeset(text: str) -> str:
    return text.replace("'", "’")


def messages_of(error: ValidationError) -> list[str]:
    """Of a service, for a form."""
    return [typeset(message) for message in error.messages]
