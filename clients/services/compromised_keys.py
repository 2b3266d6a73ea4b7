"""If somebody submits a private key by mistake, finds out where its public key is registered. The key works there until somebody revokes it."""

import shlex
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.exceptions import ValidationError

from clients.certificate import UNREADABLE, find_public_key
from clients.models import ClientCertificate, ClientPublicKey, Workspace
from clients.private_key import find_public_halves
from clients.public_key import read_key


def describe_registrations(content: bytes, *, workspace: Workspace) -> list[str]:
    """A sentence for each registration in the workspace, with the command that revokes it. Those in other workspaces are left out. content: the file's."""
    halves = find_public_halves(content)
    return [f"{_say(row)} {_advise(row)}" for row in find_registered(halves, workspace=workspace)]


def find_registered(halves: Sequence[PublicKeyTypes], *, workspace: Workspace) -> list[ClientPublicKey | ClientCertificate]:
    """The registrations that still work."""
    found: list[ClientPublicKey | ClientCertificate] = [
        *find_registered_keys(halves, workspace=workspace),
        *find_registered_certificates(halves, workspace=workspace),
    ]
    return [row for row in found if row.revoked_at is None]


def _say(row: ClientPublicKey | ClientCertificate) -> str:
    if isinstance(row, ClientPublicKey):
        return f"Its public key is registered for {row.client.client_id} as {row.kid}."
    return f"It is the key of certificate {row.thumbprint} of {row.client.client_id}."


def find_registered_keys(halves: Sequence[PublicKeyTypes], *, workspace: Workspace) -> list[ClientPublicKey]:
    """The registered keys, including revoked ones."""
    thumbprints = [thumbprint for half in halves if (thumbprint := _thumbprint_of(half))]
    if not thumbprints:
        return []
    return list(ClientPublicKey.objects.filter(client__workspace=workspace, thumbprint__in=thumbprints).select_related("client__workspace").order_by("pk"))


def find_registered_certificates(halves: Sequence[PublicKeyTypes], *, workspace: Workspace) -> list[ClientCertificate]:
    """The registered certificates, including revoked ones. No column has a certificate's key, so each certificate is read, but only after such a mistake."""
    if not halves:
        return []
    spkis = {_encode(half) for half in halves}
    rows = ClientCertificate.objects.filter(client__workspace=workspace).select_related("client__workspace").order_by("pk")
    return [row for row in rows.iterator() if _read_key(row) in spkis]


def without_registered(halves: Sequence[PublicKeyTypes], rows: Sequence[ClientPublicKey | ClientCertificate]) -> list[PublicKeyTypes]:
    """The halves that are registered in none of the rows."""
    thumbprints = {row.thumbprint for row in rows if isinstance(row, ClientPublicKey)}
    spkis = {_read_key(row) for row in rows if isinstance(row, ClientCertificate)}
    return [half for half in halves if _thumbprint_of(half) not in thumbprints and _encode(half) not in spkis]


def _thumbprint_of(half: PublicKeyTypes) -> str:
    """Its RFC 7638 thumbprint; "" for a kind of key that can't be registered."""
    try:
        return read_key(half).thumbprint
    except ValidationError:
        return ""


def _advise(row: ClientPublicKey | ClientCertificate) -> str:
    """The kid is quoted because the key's owner chose it, so it may contain anything that is special to a shell."""
    client_id, credential = row.client.client_id, str(row)
    end = "-- " if credential.startswith("-") or client_id.startswith("-") else ""
    return f"Revoke it now: “.venv/bin/python manage.py revoke_{row.TARGET_TYPE} {end}{shlex.quote(client_id)} {shlex.quote(credential)}”."


def _read_key(row: ClientCertificate) -> bytes:
    try:
        key = find_public_key(x509.load_pem_x509_certificate(row.certificate.encode()))
    except UNREADABLE:
        return b""
    return _encode(key) if key is not None else b""


def _encode(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
