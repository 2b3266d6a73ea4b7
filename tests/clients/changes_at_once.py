"""A program that makes all changes to one client at the same moment, while it is in use, on the database of DATABASE_URL. Prints what went wrong, as JSON."""

import json
import sys
import threading
from collections import Counter
from datetime import timedelta
from functools import partial

from django.db import OperationalError, connection, connections
from django.utils import timezone

from clients.hygiene import Kind
from clients.models import ClientSecret
from clients.services import client_changes, clients, hand_overs, hygiene, rotation, secret_ends, secrets, usage, workspaces
from clients.services.gathered import GrantedKey
from tests import factories

ROUNDS = 10

now = timezone.now()
workspace = factories.create_workspace("demo")
client = factories.create_client(workspace, now=now - timedelta(days=60)).secret.client
others = [factories.create_client(workspace, name=f"other-{number}").secret.client for number in range(3)]
wrong: Counter[str] = Counter()
said: set[str] = set()


def newest() -> ClientSecret:
    return ClientSecret.objects.filter(client=client).usable(timezone.now()).order_by("-pk")[0]


def rotate(_number: int) -> None:
    rotation.rotate_secret(client=client, overlap=timedelta(minutes=1), lifetime=timedelta(days=9), actor=factories.TESTS, now=timezone.now())


def revoke(_number: int) -> None:
    for secret in ClientSecret.objects.filter(client=client).usable(timezone.now()).order_by("pk")[:2]:
        if secret.pk != newest().pk:
            secrets.revoke_secret(client=client, secret_id=secret.secret_id, actor=factories.TESTS, now=timezone.now())


def extend(_number: int) -> None:
    secret, at = newest(), timezone.now()
    if secret.expires_at is not None:
        secret_ends.extend_secret(client=client, secret_id=secret.secret_id, expires_at=secret.expires_at + timedelta(hours=1), actor=factories.TESTS, now=at)


def edit(number: int) -> None:
    client_changes.update_client(client=client, description=f"Round {number}", actor=factories.TESTS, now=timezone.now())


def switch(_number: int) -> None:
    clients.disable_client(client=client, actor=factories.TESTS, now=timezone.now())
    clients.enable_client(client=client, actor=factories.TESTS, now=timezone.now())


def hand_over(_number: int) -> None:
    made = hand_overs.create_hand_over(
        client=client, recipient="Jonas", lifetime=timedelta(hours=1), secret_lifetime=None, actor=factories.TESTS, now=timezone.now()
    )
    hand_overs.use_for_secret(hand_over=made.hand_over, is_allowed=bool, actor=factories.TESTS, now=timezone.now())


def tidy(_number: int) -> None:
    hygiene.fix(Kind.NO_END, workspace=workspace, rows=None, actor=factories.TESTS, now=timezone.now())


def give_ends(number: int) -> None:
    secret_ends.give_ends(workspace=workspace, lifetime=timedelta(days=400 - number), actor=factories.TESTS, now=timezone.now())


def set_policy(number: int) -> None:
    workspaces.change_workspace(workspace=workspace, max_token_lifetime=3600 + number, actor=factories.TESTS, now=timezone.now())


def use(_number: int) -> None:
    """As token requests do."""
    at = timezone.now()
    minute = int(at.timestamp()) // 60
    for one in (client, *others):
        secret = ClientSecret.objects.filter(client=one).order_by("-pk")[0]
        key = GrantedKey(one.pk, workspace.pk, "live", secret.secret_id, "token", "203.0.113.7", ("read",), True, True, minute, minute + 60)
        usage.record_granted(key, request_id="r", elapsed=lambda: 1, now=at)
        usage.record_use(ClientSecret, pk=secret.pk, address="203.0.113.7", now=at)
    usage.flush()


def again_and_again(act: "partial[None]", name: str, barrier: threading.Barrier) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Else each of them costs a second.
            cursor.execute("SET deadlock_timeout = '20ms'")
    barrier.wait()
    for number in range(ROUNDS):
        try:
            act(number)
        except OperationalError as error:
            wrong[name] += 1
            said.add(str(error).split("\n", 1)[0])
        except Exception as error:  # noqa: BLE001  # whatever a page could not answer
            if not hasattr(error, "messages") and type(error).__name__ != "DoesNotExist":
                wrong[name] += 1
                said.add(repr(error))
    connections.close_all()


acts = [rotate, revoke, extend, edit, switch, hand_over, tidy, give_ends, set_policy, use]
barrier = threading.Barrier(len(acts))
threads = [threading.Thread(target=again_and_again, args=(act, act.__name__, barrier)) for act in acts]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
json.dump({"wrong": wrong, "said": sorted(said)}, sys.stdout)
