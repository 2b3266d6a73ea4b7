"""A program: two workspaces that register the same audiences at the same moment, on the database of DATABASE_URL. Prints whose they are, as JSON."""

import json
import sys
import threading

from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from clients.models import Audience, Client
from clients.services.clients import create_client
from tests import factories

ROUNDS = 10

workspaces = [factories.create_workspace(slug) for slug in ("demo", "other")]
barrier = threading.Barrier(len(workspaces))
wrong: list[str] = []


def register(number: int) -> None:
    for turn in range(ROUNDS):
        uris = [f"https://a{turn}.example.com", f"https://b{turn}.example.com"]
        barrier.wait()
        try:
            create_client(workspace=workspaces[number], name="x", audiences=uris if number else uris[::-1], actor=factories.TESTS, now=timezone.now())
        except ValidationError as error:
            if error.code != "audience_taken":
                wrong.append(str(error))
        except Exception as error:  # noqa: BLE001  # what the test is about
            wrong.append(repr(error))
    connections.close_all()


threads = [threading.Thread(target=register, args=(number,)) for number in range(len(workspaces))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
owners = dict(Audience.objects.values_list("uri", "workspace_id"))
mixed = [client.client_id for client in Client.objects.all() if any(owners[uri] != client.workspace_id for uri in client.audiences)]
json.dump({"owners": Client.objects.count(), "mixed": mixed, "wrong": wrong}, sys.stdout)
