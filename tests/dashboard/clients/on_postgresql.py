"""A program: the list of clients in every order and by every filter, page by page, and search, on the database of DATABASE_URL. Prints names, as JSON."""

import json
import sys
from datetime import timedelta

from django.utils import timezone

from clients.attention import find_attention
from clients.models import AddressUse, Client, ClientActivity, ClientPublicKey, ClientSecret
from clients.services.new_addresses import note_new_addresses
from clients.services.rotation import rotate_secret
from dashboard.clients.filters import COLUMNS, STATUSES, filter_clients, list_rows, order_of, read_filters
from dashboard.clients.search.find import find, suggest
from dashboard.clients.table import describe_clients
from dashboard.frame.keyset import page_of
from dashboard.models import Membership
from tests import factories

now = timezone.now()
factories.create_user("ada@example.com")
workspace = factories.create_workspace("demo", owner="ada@example.com")
for name, days, granted, used in (("alpha", 3, 50, 1), ("Beta", 200, 5, 2), ("gamma", None, 0, 100 * 24), ("delta", 40, 5, 3)):
    client = factories.create_client(workspace, name=name, now=now - timedelta(days=300)).secret.client
    ClientSecret.objects.filter(client=client).update(expires_at=None if days is None else now + timedelta(days=days))
    fields = {"workspace": workspace, "granted_24h": granted, "last_used_at": now - timedelta(hours=used), "last_used_from": "203.0.113.24"}
    ClientActivity.objects.update_or_create(client=client, defaults=fields)
delta = Client.objects.get(name="delta")
rotate_secret(client=delta, overlap=timedelta(hours=24), actor=factories.TESTS, now=now - timedelta(hours=2))
delta.secrets.update(last_used_at=now)
AddressUse.objects.create(client=delta, credential="one", address="192.0.2.201", day=now.date(), count=1, last_used_at=now)
ClientPublicKey.objects.create(
    client=delta, kid="k-3f9c", thumbprint="t", public_jwk={}, created_at=now, created_by="tests", expires_at=now + timedelta(days=9)
)


def names_in_order(query):
    """Page by page of two, and back to the first."""
    filters = read_filters(query)
    rows, order, names = list_rows(filter_clients(workspace, filters, now=now), workspace), order_of(filters, now=now), []
    page = page_of(rows, order, size=2)
    while True:
        names += [row.client.name for row in describe_clients(page.rows, now=now)]
        if not page.after:
            break
        page = page_of(rows, order, size=2, after=page.after)
    while page.before:
        page = page_of(rows, order, size=2, before=page.before)
    assert [client.name for client in page.rows] == names[:2]
    return names


member = Membership.objects.get()
found = {
    "noted": [note_new_addresses(now=now), note_new_addresses(now=now)],
    "orders": {sort: names_in_order({"sort": sort}) for name in COLUMNS for sort in (name, f"-{name}")},
    "statuses": {status: sorted(names_in_order({"status": status})) for status, _ in STATUSES if status},
    "text": names_in_order({"q": "ALPH"}),
    "kinds": [finding.kind for finding in find_attention(workspace, now=now).findings],
    "search": {text: [hit.label for _, hits in find(member, text) for hit in hits] for text in ("k-3f9c", "GAMMA", "dlt", "ada@example")},
    "suggested": [hit.label for _, hits in suggest(member, []) for hit in hits][:3],
}
json.dump(found, sys.stdout)
