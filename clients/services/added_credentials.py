"""Adding credentials to a client that may not use their kind yet, and letting it use them, in one step."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from clients.certificate import ParsedCertificate
from clients.models import Client, ClientCertificate, ClientPublicKey
from clients.public_key import ParsedPublicKey
from clients.services.audit import Actor
from clients.services.certificates import add_certificates
from clients.services.client_changes import update_client
from clients.services.locking import lock_client
from clients.services.public_keys import add_public_keys


def add_usable_public_keys(
    *, client: Client, parsed: Sequence[ParsedPublicKey], allow_method: bool, actor: Actor, now: datetime, name: str = "", lifetime: timedelta | None = None
) -> list[ClientPublicKey]:
    """As add_public_keys. allow_method: whether the client may authenticate by private_key_jwt from now on, if it may not yet."""
    with transaction.atomic():
        if allow_method:
            _allow(client, Client.AuthMethod.PRIVATE_KEY_JWT, actor=actor, now=now)
        return add_public_keys(client=client, parsed=parsed, name=name, lifetime=lifetime, actor=actor, now=now)


def add_usable_certificates(
    *, client: Client, parsed: Sequence[ParsedCertificate], allow_method: bool, actor: Actor, now: datetime, name: str = ""
) -> list[ClientCertificate]:
    """As add_certificates. allow_method: whether the client may authenticate by self_signed_tls_client_auth from now on, if it may not yet."""
    with transaction.atomic():
        if allow_method:
            _allow(client, Client.AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH, actor=actor, now=now)
        return add_certificates(client=client, parsed=parsed, name=name, actor=actor, now=now)


def _allow(client: Client, method: Client.AuthMethod, *, actor: Actor, now: datetime) -> None:
    present = lock_client(client).auth_methods
    if method not in present:
        update_client(client=client, auth_methods=[*present, method.value], actor=actor, now=now)
