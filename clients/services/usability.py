"""Warnings about credentials that a client has but may not use, or may use but doesn't have. Both may be on purpose, or temporary."""

from datetime import datetime

from clients.credential_list import credentials_of
from clients.models import Client
from clients.policy import ClientPolicy

_KEY, _CERTIFICATE = Client.AuthMethod.PRIVATE_KEY_JWT, Client.AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH

_MAX_CREDENTIALS = 1000


def warn_of_public_keys(client: Client) -> list[str]:
    """Warnings for a client that just got public keys."""
    return _warn_of_method(client, _KEY, "the key")


def warn_of_certificates(client: Client) -> list[str]:
    """Warnings for a client that just got certificates. A certificate that only binds tokens needs no method."""
    return [] if client.require_certificate else _warn_of_method(client, _CERTIFICATE, "the certificate")


def warn_of_missing_credentials(client: Client, *, public_keys: bool, certificates: bool) -> list[str]:
    """Warnings for a new client. public_keys, certificates: whether it has any."""
    missing = {
        _KEY: None if public_keys or client.jwks_uri else ("public key", "add_public_key"),
        _CERTIFICATE: None if certificates else ("certificate", "add_certificate"),
    }
    unbound = client.require_certificate and not certificates and not client.tls_subject
    demand = f"The client gets no tokens until it has a certificate to bind them to. {_say_register('add_certificate', client)}"
    return [
        *([demand] if unbound and _CERTIFICATE not in client.auth_methods else ()),
        *(
            f"The client has no {what} yet, so it can't authenticate by {method.value}. {_say_register(command, client)}"
            for method, (what, command) in ((method, lack) for method, lack in missing.items() if lack is not None)
            if method in client.auth_methods
        ),
    ]


def find_methods_without_credentials(client: Client, *, now: datetime) -> list[str]:
    """The methods that the client can't use now, because it has no credential for them. A client with tls_client_auth always has a subject."""
    usable = {method for credential in credentials_of(client, now=now, most=_MAX_CREDENTIALS).usable for method in credential.METHODS}
    usable |= {Client.AuthMethod.TLS_CLIENT_AUTH, *([_KEY] if client.jwks_uri else [])}
    return [method for method in client.auth_methods if method not in usable]


def _say_register(command: str, client: Client) -> str:
    return f"Register one: “.venv/bin/python manage.py {command} {client.client_id} FILE”."


def _warn_of_method(client: Client, method: Client.AuthMethod, what: str) -> list[str]:
    if method not in client.auth_methods:
        usable = " and ".join(client.auth_methods)
        unusable = f"{client.client_id} may not use {method.value}, so it can't authenticate with {what}. It may use {usable}."
        allow = f"“.venv/bin/python manage.py update_client {client.client_id} --auth-method {method.value}”"
        return [f"{unusable} To allow it, run {allow}, with one more --auth-method for each method that it keeps."]
    if method in ClientPolicy.of(client.workspace).forbidden_auth_methods:
        return [f"The workspace {client.workspace.slug} no longer allows {method.value}, so {client.client_id} can't authenticate with {what}."]
    return []
