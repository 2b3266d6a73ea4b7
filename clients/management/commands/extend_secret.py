"""manage.py extend_secret: gives a secret a later expiry, for example if it is still in use during a rotation."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from clients.duration import parse_duration
from clients.management.arguments import require_client, require_secret_id
from clients.management.base import JSONCommand
from clients.models import Client
from clients.moment import iso
from clients.services import secret_ends
from clients.services.audit import Actor


class Command(JSONCommand):
    help = "Postpone the expiry of a secret."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID")
        parser.add_argument("secret_id", metavar="SECRET_ID")
        parser.add_argument("--by", metavar="DURATION", help="how much longer, for example 24h")
        parser.add_argument("--until", metavar="TIME", help="until when, for example 2026-11-24T17:10Z")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        client, secret_id = require_client(options["client_id"]), require_secret_id(options["secret_id"])
        expires_at = _choose_end(client, secret_id, by=options["by"], until=options["until"], now=now)
        secret = secret_ends.extend_secret(client=client, secret_id=secret_id, expires_at=expires_at, actor=actor, now=now)
        return {"client_id": client.client_id, "secret_id": secret.secret_id, "expires_at": iso(secret.expires_at)}


def _choose_end(client: Client, secret_id: str, *, by: str | None, until: str | None, now: datetime) -> datetime:
    if (by is None) == (until is None):
        raise ValidationError("Give either --by, for example --by 24h, or --until.", code="ambiguous_end")
    if until is not None:
        return _parse_time(until)
    present = client.secrets.filter(secret_id=secret_id).values_list("expires_at", flat=True).first()
    # The service refuses a secret that doesn't exist or doesn't expire.
    return (present or now) + parse_duration(by or "")


def _parse_time(text: str) -> datetime:
    """A time without a time zone is in UTC."""
    try:
        parsed = datetime.fromisoformat(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValidationError(f"“{text[:40]}” isn't a time. Write it like 2026-11-24T17:10Z.", code="invalid_time") from None
