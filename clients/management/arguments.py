"""Reads the arguments of commands: what they name must exist, and what they hold must be of the right kind."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from clients.models import Client, Workspace
from clients.models.client import MAX_TOKEN_LIFETIME, MIN_TOKEN_LIFETIME
from clients.public_key import refuse_private_der
from clients.scope import parse_scope
from clients.secret import looks_like_secret
from clients.services.compromised_keys import describe_registrations
from clients.tls_subject import SUBJECT_TYPE_PREFIX

_Credential = TypeVar("_Credential")


def require_workspace(slug: str) -> Workspace:
    workspace = Workspace.objects.filter(slug=slug).first()
    if workspace is None:
        known = ", ".join(Workspace.objects.values_list("slug", flat=True)[:20]) or "none yet (create_workspace makes one)"
        raise CommandError(f"There is no workspace “{slug[:63]}”. Workspaces: {known}.")
    return workspace


def require_client(client_id: str) -> Client:
    if looks_like_secret(client_id):
        raise CommandError("This is a secret, not a client ID. Give the client_id that was printed when the client was made.")
    client = Client.objects.select_related("workspace").filter(client_id=client_id).first()
    if client is None:
        raise CommandError(f"There is no client “{client_id[:64]}”. Give the client_id that was printed when the client was made; it is case-sensitive.")
    return client


def require_secret_id(text: str) -> str:
    if looks_like_secret(text):
        raise ValidationError("This is a whole secret. Give its ID, the ten characters after tos_live_ or tos_test_.", code="secret_given")
    return text


def parse_whole_number(text: str, *, field: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
        raise ValidationError(f"“{text[:40]}” isn't a {field}. Use a whole number from {least} to {most}.", code="invalid_number")
    return int(text)


def read_credentials(name: str, read: Callable[[str], list[_Credential]], *, workspace: Workspace) -> list[_Credential]:
    """The credentials in a file. read: a function of clients.public_key or clients.certificate. workspace: the client's.

    A private key is refused. If its public key is registered in the workspace, the error says where.
    """
    content = _read_file(name)
    try:
        return read(_decode(name, content))
    except ValidationError as error:
        if error.code != "private_key":
            raise
        raise ValidationError(" ".join([*error.messages, *describe_registrations(content, workspace=workspace)]), code=error.code) from None


def _read_file(name: str) -> bytes:
    """The content of a file of keys or certificates, which is short. A longer file is cut, but stays long enough for read to refuse it."""
    if "-----BEGIN" in name or "{" in name:
        raise CommandError("Give the path of a file, not its content. If that was a private key, it is compromised now: make a new key pair.")
    try:
        with Path(name).open("rb") as file:
            return file.read(128 * 1024)
    except (OSError, ValueError) as error:
        # A name that isn't a path may be a key.
        shown = name if len(name) <= 100 else f"{name[:10]}…"
        raise CommandError(f"“{shown}” can't be read ({getattr(error, 'strerror', None) or 'not a valid file name'}). Give the path of a file.") from None


def _decode(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        refuse_private_der(content)
        raise CommandError(f"“{name}” is binary. Convert it to text: PEM, a JWK or a JWK Set.") from None


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
