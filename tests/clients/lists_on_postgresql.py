"""A program: who has which scope, audience and method, on the database of DATABASE_URL. Prints the names of the clients, as JSON."""

import json
import sys

from clients.models import Client
from tests import factories

workspace = factories.create_workspace("demo")
for name, fields in {
    "reader": {"scopes": ["read"], "audiences": ["https://a.example.com"]},
    "writer": {"scopes": ["write", "read"], "auth_methods": ["client_secret_post"]},
}.items():
    factories.create_client(workspace, name=name, **fields)
clients = Client.objects.order_by("name")
found = {
    "read": clients.with_scope("read"),
    "write": clients.with_scope("write"),
    "audience": clients.with_audience("https://a.example.com"),
    "post": clients.allowing_any(["client_secret_post"]),
}
json.dump({asked: [client.name for client in answer] for asked, answer in found.items()}, sys.stdout)
