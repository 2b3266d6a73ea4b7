"""The clients of Kestrel, and thirty days of usage: rows as the server would have written them, because waiting would take too long."""

import json
import math
from datetime import date, datetime, timedelta
from typing import Any

from clients.certificate import read_certificates
from clients.models import (
    AddressUse,
    Client,
    ClientActivity,
    ClientSecret,
    RecordedRequest,
    ResponseTime,
    ScopeUse,
    TokenCount,
    UsageBucket,
    Workspace,
    WorkspaceUsage,
)
from clients.public_key import read_public_keys
from clients.services import clients
from clients.services.rotation import rotate_secret
from tests import factories
from tests.certificates import pem, self_signed
from tests.public_keys import jwk

DAYS = 30
STRANGE_NAME = "مرحبا <b>bold</b> & co"

# Code, status, error and sentence of why something was refused.
REFUSALS = (
    ("scope_not_allowed", 400, "invalid_scope", "This client doesn't have admin. Request less, or give the client what is missing."),
    ("bad_checksum", 401, "invalid_client", "The secret's checksum is wrong. The secret was cut off or mistyped."),
    ("secret_expired", 401, "invalid_client", "Secret aB3xY9Qz expired on 24 Nov 2026 17:10 UTC."),
    ("other_clients_secret", 401, "invalid_client", "The client ID and the secret belong to different clients."),
    ("method_not_allowed", 401, "invalid_client", "The credentials came in the body. This client allows only client_secret_basic."),
    ("address_not_allowed", 401, "invalid_client", "The request came from 192.0.2.9, which isn't in the client's address ranges."),
    ("plain_http", 400, "invalid_request", "The request came over plain HTTP with credentials. Use https. Treat the secret as leaked: rotate it now."),
    ("client_disabled", 401, "invalid_client", "This client is disabled."),
)


def create_clients(kestrel: Workspace, *, now: datetime) -> dict[str, Any]:
    """The values in pages' addresses, by the names of the arguments."""
    month = now - timedelta(days=DAYS)
    old = factories.create_client(
        kestrel, name="billing-sync", contact="tom@example.com", audiences=["https://parcels.example.com"], secret_lifetime=timedelta(days=365), now=month
    )
    billing = old.secret.client
    new = rotate_secret(client=billing, actor=factories.TESTS, now=now - timedelta(hours=19))
    planner = factories.create_client(kestrel, name="route-planner", contact="mina@example.com", scopes=("read",), now=month).secret
    bridge = factories.create_client(kestrel, name="crm-bridge", contact="lena@example.com", now=month).secret
    factories.create_client(kestrel, name="refunds-worker", contact="tom@example.com", now=now - timedelta(hours=2))
    testing = factories.create_client(kestrel, name="ci-integration", environment="test", now=month).secret
    strange = factories.create_client(kestrel, name=STRANGE_NAME, now=month).secret
    off = factories.create_client(kestrel, name="fax-gateway", now=month).secret.client
    clients.disable_client(client=off, actor=factories.TESTS, now=now - timedelta(days=12))
    key_client, kid = _create_client_by_key(kestrel, now=month)
    certificate_client, thumbprint = _create_client_by_certificate(kestrel, now=now - timedelta(days=2))
    rotated = now - timedelta(hours=18)
    _use(billing, old.secret, [(month, 300, 20), (rotated, 40, 0)], addresses=("203.0.113.61", "198.51.100.7"), now=now)
    _use(billing, new.secret, [(rotated, 260, 6)], addresses=("203.0.113.61", "192.0.2.201"), now=now)
    for secret, granted, refused, address in ((planner, 90, 1, "203.0.113.70"), (bridge, 12, 4, "198.51.100.20"), (testing, 25, 0, "203.0.113.9")):
        _use(secret.client, secret, [(month, granted, refused)], addresses=(address,), now=now)
    _use(strange.client, strange, [(now - timedelta(days=3), 3, 0)], addresses=("2001:db8::17",), now=now)
    _count_living_tokens(billing, {old.secret.secret_id: 9, new.secret.secret_id: 32}, now=now)
    refused = _create_requests(billing, old.secret, new.secret, now=now)
    _create_requests(bridge.client, bridge, bridge, now=now)
    _sum_up(kestrel, now=now)
    return {
        "client": billing.client_id,
        "secret": old.secret.secret_id,
        "new_secret": new.secret.secret_id,
        "key_client": key_client.client_id,
        "kid": kid,
        "certificate_client": certificate_client.client_id,
        "thumbprint": thumbprint,
        "disabled_client": off.client_id,
        "strange_client": strange.client.client_id,
        "leaked_secret": testing.secret_id,
        "request": refused.pk,
    }


def _create_client_by_key(kestrel: Workspace, *, now: datetime) -> tuple[Client, str]:
    keys = read_public_keys(json.dumps(jwk(kid="k-3f9c", alg="ES256")))
    new = clients.create_client_with_credentials(
        workspace=kestrel, name="warehouse-scanner", scopes=("read",), public_keys=keys, actor=factories.TESTS, now=now
    )
    return new.client, new.public_keys[0].kid


def _create_client_by_certificate(kestrel: Workspace, *, now: datetime) -> tuple[Client, str]:
    certificates = read_certificates(pem(self_signed("postnova-partner").certificate))
    new = clients.create_client_with_credentials(
        workspace=kestrel, name="postnova-partner", scopes=("write",), certificates=certificates, actor=factories.TESTS, now=now
    )
    return new.client, new.certificates[0].thumbprint


def _use(client: Client, secret: ClientSecret, phases: list[tuple[datetime, int, int]], *, addresses: tuple[str, ...], now: datetime) -> None:
    """phases: from when on how many were granted and refused in the hour about noon; at night it is less. The last of addresses is used least."""
    buckets = []
    granted_on: dict[date, int] = {}
    hour = phases[0][0].replace(minute=0, second=0, microsecond=0)
    while hour <= now:
        _, *per_hour = max(phase for phase in phases if phase[0] <= hour or phase is phases[0])
        share = 0.6 - 0.4 * math.cos(hour.hour / 24 * 2 * math.pi)
        granted, refused = (int(count * share) for count in per_hour)
        common = {"client": client, "credential": secret.secret_id, "endpoint": "token", "hour": hour}
        buckets += [UsageBucket(**common, outcome=outcome, count=count) for outcome, count in (("granted", granted), (REFUSALS[0][0], refused)) if count]
        granted_on[hour.date()] = granted_on.get(hour.date(), 0) + granted
        hour += timedelta(hours=1)
    UsageBucket.objects.bulk_create(buckets)
    uses, scopes = [], []
    for day, granted in granted_on.items():
        for number, address in enumerate(addresses):
            count = granted // len(addresses) if number == 0 else granted // (len(addresses) * 20) + 1
            at = min(now - timedelta(minutes=2 + 4 * number), datetime(day.year, day.month, day.day, 23, 50, tzinfo=now.tzinfo))
            uses.append(AddressUse(client=client, credential=secret.secret_id, address=address, day=day, count=count, last_used_at=at))
        scopes += [ScopeUse(client=client, scope=scope, day=day, granted=granted, asked=granted // 2) for scope in client.scopes]
    AddressUse.objects.bulk_create(uses)
    ScopeUse.objects.bulk_create(scopes, ignore_conflicts=True)
    ClientSecret.objects.filter(pk=secret.pk).update(last_used_at=now - timedelta(minutes=2), last_used_from=addresses[0])


def _count_living_tokens(client: Client, tokens: dict[str, int], *, now: datetime) -> None:
    end = now.replace(second=0, microsecond=0) + timedelta(minutes=34)
    TokenCount.objects.bulk_create(TokenCount(client=client, credential=credential, expires_at=end, count=count) for credential, count in tokens.items())


def _create_requests(client: Client, old: ClientSecret, new: ClientSecret, *, now: datetime) -> RecordedRequest:
    """Granted ones in the last hour, and one refused for each of REFUSALS. Returns the newest of these."""
    common = {"workspace": client.workspace, "client": client, "endpoint": "token", "named_client_id": client.client_id}
    uses = ((new.secret_id, "203.0.113.61"), (old.secret_id, "198.51.100.7"), (new.secret_id, "192.0.2.201"))
    rows = [
        RecordedRequest(
            **common,
            request_id=f"granted-{client.pk}-{number}",
            status=200,
            credential=uses[number % 3][0],
            address=uses[number % 3][1],
            scope="read write",
            microseconds=3_100 + 170 * number,
            created_at=now - timedelta(seconds=40 + 75 * number),
        )
        for number in range(40)
    ]
    rows += [
        RecordedRequest(
            **common,
            request_id=f"refused-{client.pk}-{number}",
            status=status,
            error=error,
            reason=reason,
            detail=detail,
            named_secret_id=old.secret_id,
            credential=old.secret_id if reason == "scope_not_allowed" else "",
            scope="admin" if reason == "scope_not_allowed" else "",
            address="192.0.2.9",
            microseconds=1_900,
            created_at=now - timedelta(minutes=3 + 21 * number),
        )
        for number, (reason, status, error, detail) in enumerate(REFUSALS)
    ]
    RecordedRequest.objects.bulk_create(rows)
    return RecordedRequest.objects.get(request_id=f"refused-{client.pk}-0")


def _sum_up(kestrel: Workspace, *, now: datetime) -> None:
    """The totals that the server keeps besides the rows."""
    sums: dict[tuple[Any, ...], int] = {}
    activity: dict[int, dict[str, Any]] = {pk: {} for pk in Client.objects.filter(workspace=kestrel).values_list("pk", flat=True)}
    for bucket in UsageBucket.objects.filter(client__workspace=kestrel).select_related("client"):
        key = (bucket.client.environment, bucket.endpoint, bucket.outcome, bucket.hour)
        sums[key] = sums.get(key, 0) + bucket.count
        for name, days in (("24h", 1), ("7d", 7), ("30d", 30)):
            if bucket.hour > now - timedelta(days=days):
                counts = activity[bucket.client_id]
                column = f"{'granted' if bucket.outcome == 'granted' else 'refused'}_{name}"
                counts[column] = counts.get(column, 0) + bucket.count
    WorkspaceUsage.objects.bulk_create(
        WorkspaceUsage(workspace=kestrel, environment=environment, endpoint=endpoint, outcome=outcome, hour=hour, count=count)
        for (environment, endpoint, outcome, hour), count in sums.items()
    )
    for secret in ClientSecret.objects.filter(client__workspace=kestrel, last_used_at__isnull=False).order_by("last_used_at"):
        activity[secret.client_id] |= {"last_used_at": secret.last_used_at, "last_used_from": secret.last_used_from}
    for pk, fields in activity.items():
        ClientActivity.objects.update_or_create(client_id=pk, defaults={"workspace": kestrel, **fields})
    slot = now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0)
    ResponseTime.objects.bulk_create(
        ResponseTime(slot=slot - timedelta(minutes=5 * number), endpoint="token", limit_ms=limit, is_failure=False, count=count)
        for number in range(2 * 288)
        for limit, count in ((5, 300 - number % 12), (10, 60), (25, 20 + number % 7), (50, 8))
    )
