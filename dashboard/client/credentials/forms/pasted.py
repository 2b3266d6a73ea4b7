"""Public keys and certificates, pasted or uploaded as a file. A private key is refused and never shown again."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from clients.certificate import ParsedCertificate, read_certificates
from clients.models import Client, ClientCertificate, ClientPublicKey, Workspace
from clients.public_key import MAX_LENGTH, ParsedPublicKey, holds_private_key, read_public_keys, refuse_private_der
from clients.services.compromised_keys import describe_registrations
from clients.services.shared_credentials import refuse_shared
from dashboard.frame.typography import messages_of

_Credential = TypeVar("_Credential", ParsedPublicKey, ParsedCertificate)

PRIVATE_KEY = "That is a private key. It wasn’t stored. Treat it as leaked, make a new key pair, and paste only the public key."
_BINARY = "That file is binary. Choose a text file: PEM, a JWK or a JWK Set."
# Longer files can't be a key or a certificate; the reader says so.
_MAX_READ = 128 * 1024
_ATTRS = {"rows": 6, "autocomplete": "off", "spellcheck": "false", "autocapitalize": "off", "class": "mono"}


class PastedInput(forms.Textarea):
    """An input that never shows a private key again, or a text that is too long to be a key or a certificate."""

    def format_value(self, value: Any) -> Any:
        text = super().format_value(value)
        return None if text and (len(text) > MAX_LENGTH or is_private(text)) else text


def is_private(text: str) -> bool:
    return holds_private_key(text.encode())


def public_key() -> forms.CharField:
    return forms.CharField(label="Public key", required=False, widget=PastedInput({**_ATTRS, "placeholder": "-----BEGIN PUBLIC KEY-----"}))


def certificate() -> forms.CharField:
    return forms.CharField(label="Certificate", required=False, widget=PastedInput({**_ATTRS, "placeholder": "-----BEGIN CERTIFICATE-----"}))


def chosen_file(field_id: str) -> forms.FileField:
    """A file input for the field with that ID. With a script, the file's text goes into that field; without one, the file is sent."""
    return forms.FileField(
        label="Or choose a file",
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput({"data-file-into": field_id, "accept": ".pem,.pub,.crt,.cer,.json,.jwk,.jwks"}),
    )


def read_pasted_keys(
    text: str, file: "UploadedFile[Any] | None", *, workspace: Workspace, of: Client | None = None, is_stranger: bool = False
) -> list[ParsedPublicKey]:
    """The pasted keys, [] if there are none. of: the client that gets them, if it already exists. is_stranger: whether the sender must not learn about other
    clients.

    Raise ValidationError, also if another client has one of them.
    """
    keys = _read(text, file, read_public_keys, workspace=None if is_stranger else workspace)
    refuse_shared(ClientPublicKey, [key.thumbprint for key in keys], workspace=workspace, client=of)
    return keys


def read_pasted_certificates(text: str, file: "UploadedFile[Any] | None", *, workspace: Workspace, of: Client | None = None) -> list[ParsedCertificate]:
    """Like read_pasted_keys."""
    certificates = _read(text, file, read_certificates, workspace=workspace)
    refuse_shared(ClientCertificate, [one.thumbprint for one in certificates], workspace=workspace, client=of)
    return certificates


def _read(text: str, file: "UploadedFile[Any] | None", read: Callable[[str], Sequence[_Credential]], *, workspace: Workspace | None) -> list[_Credential]:
    """workspace: where to look for a private key's public key; None to skip this, because it reads every certificate."""
    content: bytes = text.encode() if text.strip() or file is None else file.read(_MAX_READ)
    if not content.strip():
        return []
    try:
        return list(read(_decode(content)))
    except ValidationError as error:
        if error.code != "private_key":
            raise ValidationError(messages_of(error), code=error.code) from None
        registrations: list[str] = [] if workspace is None else describe_registrations(content, workspace=workspace)
        raise ValidationError(" ".join([PRIVATE_KEY, *registrations]), code=error.code) from None


def _decode(content: bytes) -> str:
    refuse_private_der(content)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValidationError(_BINARY, code="binary") from None
    if "\0" in text:
        raise ValidationError(_BINARY, code="binary")
    return text
