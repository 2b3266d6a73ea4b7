"""manage.py create_client: makes a client with its first credentials."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from clients.certificate import ParsedCertificate, read_certificates
from clients.duration import parse_lifetime
from clients.management.arguments import parse_scopes, parse_tls_subject, parse_token_lifetime, read_credentials, require_workspace
from clients.management.base import JSONCommand, warn
from clients.models import Client
from clients.moment import iso
from clients.public_key import read_public_keys
from clients.services.audit import Actor
from clients.services.client_fields import ClientFields
from clients.services.clients import create_client_with_credentials
from clients.services.shared_credentials import warn_of_shared
from clients.services.usability import warn_of_missing_credentials
from clients.tls_subject import spell_subject_type


class Command(JSONCommand):
    help = "Create a client with its first credentials. A secret is shown once."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--name", required=True)
        parser.add_argument("--environment", default=Client.Environment.LIVE.value, metavar="live|test")
        parser.add_argument(
            "--auth-method",
            action="append",
            metavar="METHOD",
            help=f"may be given several times: {', '.join(Client.AuthMethod.values)} (default: the first two, and those of the credentials that you give)",
        )
        parser.add_argument("--scope", metavar='"a b"', help="what its tokens may allow, separated by spaces (default: nothing)")
        parser.add_argument("--audience", action="append", default=[], metavar="URI", help="may be given several times (default: the workspace's own)")
        parser.add_argument("--public-key", action="append", default=[], metavar="FILE", help="PEM key or certificate, or JWK; may be given several times")
        parser.add_argument("--jwks-uri", metavar="URI", help="the URL where it publishes its public keys")
        parser.add_argument("--certificate", action="append", default=[], metavar="FILE", help="PEM; may be given several times")
        parser.add_argument("--tls-subject", metavar="TYPE:VALUE", help="its name in a certificate from a CA: san_dns:billing.example.com, subject_dn:CN=…, …")
        parser.add_argument("--require-dpop", action="store_true", help="only tokens that are bound to a key by DPoP")
        parser.add_argument("--require-certificate", action="store_true", help="only tokens that are bound to a client certificate")
        parser.add_argument("--token-lifetime", metavar="SECONDS", help="default: 3600, or less if the workspace requires it")
        parser.add_argument("--allow-ip", action="append", default=[], metavar="CIDR", help="may be given several times (default: any address)")
        parser.add_argument("--secret-expires-in", metavar="DURATION", help="for example 90d, or never (default: the workspace's)")
        parser.add_argument("--description", default="")
        parser.add_argument("--contact", default="", help="who is responsible for it")
        parser.add_argument("--tag", action="append", default=[], help="may be given several times")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        expires_in = options["secret_expires_in"]
        workspace = require_workspace(options["workspace"])
        fields = _read_fields(options)
        certificates = [one for file in options["certificate"] for one in read_credentials(file, read_certificates, workspace=workspace)]
        if _names_by_certificate(fields, certificates):
            fields["tls_subject_type"], fields["tls_subject"] = Client.TLSSubjectType.SUBJECT_DN.value, certificates[0].subject
            certificates = []
        new = create_client_with_credentials(
            workspace=workspace,
            name=options["name"],
            public_keys=[key for file in options["public_key"] for key in read_credentials(file, read_public_keys, workspace=workspace)],
            certificates=certificates,
            secret_lifetime=None if expires_in is None else parse_lifetime(expires_in),
            actor=actor,
            now=now,
            **fields,
        )
        client, secret = new.client, new.secret
        shown_once = (
            {"client_secret": secret.plaintext, "secret_id": secret.secret.secret_id, "expires_at": iso(secret.secret.expires_at)} if secret is not None else {}
        )
        missing = warn_of_missing_credentials(client, public_keys=bool(new.public_keys), certificates=bool(new.certificates))
        return {
            "client_id": client.client_id,
            **shown_once,
            "keys": [key.kid for key in new.public_keys],
            **({"keys_expire_at": [iso(key.expires_at) for key in new.public_keys]} if new.public_keys else {}),
            "certificates": [certificate.thumbprint for certificate in new.certificates],
            "workspace": client.workspace.slug,
            "name": client.name,
            "environment": client.environment,
            "auth_methods": client.auth_methods,
            "scope": " ".join(client.scopes),
            "audiences": client.audiences,
            "allowed_networks": client.allowed_networks,
            "token_lifetime": client.token_lifetime,
            "jwks_uri": client.jwks_uri or None,
            "tls_subject": f"{spell_subject_type(client.tls_subject_type)}:{client.tls_subject}" if client.tls_subject else None,
            "require_dpop": client.require_dpop,
            "require_certificate": client.require_certificate,
            "token_endpoint": f"{settings.ISSUER_URL}/oauth2/token",
            **warn([*missing, *warn_of_shared([*new.public_keys, *new.certificates], client=client)]),
        }


def _read_fields(options: Mapping[str, Any]) -> ClientFields:
    fields = ClientFields(
        environment=options["environment"],
        scopes=() if options["scope"] is None else parse_scopes(options["scope"]),
        audiences=options["audience"],
        allowed_networks=options["allow_ip"],
        require_dpop=options["require_dpop"],
        require_certificate=options["require_certificate"],
        description=options["description"],
        contact=options["contact"],
        tags=options["tag"],
    )
    if options["token_lifetime"] is not None:
        fields["token_lifetime"] = parse_token_lifetime(options["token_lifetime"])
    if options["auth_method"] is not None:
        fields["auth_methods"] = options["auth_method"]
    if options["jwks_uri"] is not None:
        fields["jwks_uri"] = options["jwks_uri"]
    if options["tls_subject"] is not None:
        named = parse_tls_subject(options["tls_subject"])
        fields["tls_subject_type"], fields["tls_subject"] = named["tls_subject_type"], named["tls_subject"]
    return fields


def _names_by_certificate(fields: ClientFields, certificates: Sequence[ParsedCertificate]) -> bool:
    """Whether the given certificate isn't registered and only shows the subject that a trusted CA's certificates must have."""
    methods = fields.get("auth_methods", ())
    counts = Client.AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH in methods or fields.get("require_certificate", False)
    return Client.AuthMethod.TLS_CLIENT_AUTH in methods and not counts and "tls_subject" not in fields and len(certificates) == 1
