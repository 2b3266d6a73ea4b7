"""manage.py create_client: a client with its first secret."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from clients.duration import parse_duration
from clients.management.base import JSONCommand, parse_whole_number, require_workspace
from clients.models.client import DEFAULT_TOKEN_LIFETIME, MAX_TOKEN_LIFETIME, MIN_TOKEN_LIFETIME, Client
from clients.scope import parse_scope
from clients.services.audit import Actor, iso
from clients.services.clients import DEFAULT_AUTH_METHODS, create_client_with_secret


class Command(JSONCommand):
    help = "Make a client with its first secret, which is shown once."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--name", required=True)
        parser.add_argument("--environment", default=Client.Environment.LIVE.value, metavar="live|test")
        parser.add_argument(
            "--auth-method",
            action="append",
            metavar="METHOD",
            help=f"may be given several times: {', '.join(Client.AuthMethod.values)} (default: both)",
        )
        parser.add_argument("--scope", metavar='"a b"', help="what its tokens may be good for (default: nothing)")
        parser.add_argument("--audience", action="append", default=[], metavar="URI", help="may be given several times (default: the workspace's own)")
        parser.add_argument("--token-lifetime", metavar="SECONDS", default=str(int(DEFAULT_TOKEN_LIFETIME.total_seconds())), help="default: 3600")
        parser.add_argument("--allow-ip", action="append", default=[], metavar="CIDR", help="may be given several times (default: from everywhere)")
        parser.add_argument("--secret-expires-in", metavar="DURATION", help="for example 90d (default: never)")
        parser.add_argument("--description", default="")
        parser.add_argument("--contact", default="", help="who answers for it")
        parser.add_argument("--tag", action="append", default=[], help="may be given several times")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        expires_in = options["secret_expires_in"]
        new = create_client_with_secret(
            workspace=require_workspace(options["workspace"]),
            name=options["name"],
            environment=options["environment"],
            auth_methods=options["auth_method"] or DEFAULT_AUTH_METHODS,
            scopes=_parse_scopes(options["scope"]),
            audiences=options["audience"],
            allowed_networks=options["allow_ip"],
            token_lifetime=_parse_token_lifetime(options["token_lifetime"]),
            description=options["description"],
            contact=options["contact"],
            tags=options["tag"],
            secret_lifetime=None if expires_in is None else parse_duration(expires_in),
            actor=actor,
            now=now,
        )
        client = new.secret.client
        return {
            "client_id": client.client_id,
            "client_secret": new.plaintext,
            "secret_id": new.secret.secret_id,
            "expires_at": iso(new.secret.expires_at),
            "keys": [],
            "workspace": client.workspace.slug,
            "name": client.name,
            "environment": client.environment,
            "auth_methods": client.auth_methods,
            "scope": " ".join(client.scopes),
            "audiences": client.audiences,
            "allowed_networks": client.allowed_networks,
            "token_lifetime": client.token_lifetime,
            "token_endpoint": f"{settings.ISSUER_URL}/oauth2/token",
        }


def _parse_scopes(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    scopes = parse_scope(text)
    if scopes is None:
        raise ValidationError(f'“{text[:80]}” isn\'t a scope. Separate scopes by single spaces, for example --scope "read write".', code="invalid_scope")
    return scopes


def _parse_token_lifetime(text: str) -> timedelta:
    least, most = int(MIN_TOKEN_LIFETIME.total_seconds()), int(MAX_TOKEN_LIFETIME.total_seconds())
    return timedelta(seconds=parse_whole_number(text, field="token lifetime in seconds", least=least, most=most))
