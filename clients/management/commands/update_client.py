"""manage.py update_client: changes a client."""

import argparse
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from clients.management.arguments import parse_scopes, parse_tls_subject, parse_token_lifetime, require_client
from clients.management.base import JSONCommand
from clients.models import Client
from clients.services.audit import Actor
from clients.services.client_changes import ClientChanges, update_client

# Option → field, for lists. The value "" empties a list.
_LISTS = {"auth_method": "auth_methods", "audience": "audiences", "allow_ip": "allowed_networks", "tag": "tags"}
_TEXTS = ("name", "description", "contact")
_FLAGS = ("require_dpop", "require_certificate")


class Command(JSONCommand):
    help = "Change the given properties of a client. Its existing tokens stay as they are."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID")
        parser.add_argument("--name")
        parser.add_argument("--auth-method", action="append", metavar="METHOD", help=f"may be given several times: {', '.join(Client.AuthMethod.values)}")
        parser.add_argument("--scope", metavar='"a b"', help="what its tokens may allow, separated by spaces; “” for nothing")
        parser.add_argument("--audience", action="append", metavar="URI", help="may be given several times; “” for the workspace's own")
        parser.add_argument("--jwks-uri", metavar="URI", help="the URL where it publishes its public keys; “” for none")
        parser.add_argument("--tls-subject", metavar="TYPE:VALUE", help="its name in a certificate from a CA; “” for none")
        parser.add_argument("--require-dpop", action=argparse.BooleanOptionalAction, help="only tokens that are bound to a key by DPoP")
        parser.add_argument("--require-certificate", action=argparse.BooleanOptionalAction, help="only tokens that are bound to a client certificate")
        parser.add_argument("--token-lifetime", metavar="SECONDS")
        parser.add_argument("--allow-ip", action="append", metavar="CIDR", help="may be given several times; “” for any address")
        parser.add_argument("--description")
        parser.add_argument("--contact", help="who is responsible for it")
        parser.add_argument("--tag", action="append", help="may be given several times; “” for none")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        fields = _read_changes(options)
        if not fields:
            raise ValidationError("Give at least one property to change, for example --contact payments@example.com.", code="nothing_given")
        changed = update_client(client=require_client(options["client_id"]), actor=actor, now=now, **fields)
        return {"client_id": changed.client.client_id, "changed": sorted(changed.after), **changed.after}


def _read_changes(options: Mapping[str, Any]) -> ClientChanges:
    given = {name: value for name, value in options.items() if value is not None}
    fields: dict[str, Any] = {name: given[name] for name in (*_TEXTS, *_FLAGS, "jwks_uri") if name in given}
    fields |= {field: [item for item in given[option] if item] for option, field in _LISTS.items() if option in given}
    if "scope" in given:
        fields["scopes"] = parse_scopes(given["scope"]) if given["scope"] else ()
    if "token_lifetime" in given:
        fields["token_lifetime"] = parse_token_lifetime(given["token_lifetime"])
    if "tls_subject" in given:
        fields |= parse_tls_subject(given["tls_subject"]) if given["tls_subject"] else {"tls_subject_type": "", "tls_subject": ""}
    return cast(ClientChanges, fields)
