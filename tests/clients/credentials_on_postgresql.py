"""A program: the credentials of a client in their order, and from where they are used, on the database of DATABASE_URL. Prints both, as JSON."""

import json
import sys
from datetime import timedelta

from django.utils import timezone

from clients.credential_list import credentials_of
from clients.models import AddressUse
from clients.places_of_use import places_of
from tests import factories
from tests.dashboard.conftest import create_certificate, create_public_key

now = timezone.now()
workspace = factories.create_workspace("demo")
client = factories.create_client(workspace).secret.client
secret = client.secrets.get()
client.created_at = now - timedelta(days=60)
client.save(update_fields=["created_at"])
create_public_key(client)
create_certificate(client)
factories.expire(factories.create_secret(client, lifetime=timedelta(days=1)).secret)
for address, ago in (("203.0.113.61", 20), ("203.0.113.61", 0), ("192.0.2.201", 1)):
    at = now - timedelta(days=ago)
    AddressUse.objects.create(client=client, credential=secret.secret_id, address=address, day=at.date(), count=3, last_used_at=at)
listed = credentials_of(client, now=timezone.now(), most=10)
json.dump(
    {
        "usable": sorted(type(row).__name__ for row in listed.usable),
        "ended": [[type(row).__name__, row.lifetime] for row in listed.ended],
        "places": [[place.address, place.count, place.is_new] for place in places_of(client, since=now - timedelta(days=30), now=now)],
    },
    sys.stdout,
)
