"""A program: what is found to tidy up, and how many of it are fixed, on the database of DATABASE_URL. Prints both by kind, and whether queries are compiled, as
JSON.
"""

import json
import sys
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from clients.hygiene import Kind, count_all
from clients.models import ClientActivity, ClientSecret, ScopeUse
from clients.services.clients import disable_client
from clients.services.hygiene import fix
from clients.services.secrets import create_secret
from tests import factories

now = timezone.now()
workspace = factories.create_workspace("demo")


def make(name, *, used, **fields):
    secret = factories.create_client(workspace, name=name, now=now - timedelta(days=400), secret_lifetime=timedelta(days=900), **fields).secret
    last = None if used is None else now - timedelta(days=used)
    ClientActivity.objects.update_or_create(client=secret.client, defaults={"workspace": workspace, "last_used_at": last, "granted_30d": 1})
    ClientSecret.objects.filter(pk=secret.pk).update(last_used_at=last)
    return secret


make("never", used=None)
make("idle", used=100)
busy = make("busy", used=50)
newer = create_secret(client=busy.client, actor=factories.TESTS, now=now - timedelta(days=40)).secret
ClientSecret.objects.filter(pk=newer.pk).update(last_used_at=now, expires_at=None)
ScopeUse.objects.create(client=busy.client, scope="read", day=now.date(), granted=1, asked=1)
asking = make("asks for one today, for the other seldom", used=1).client
for scope, days in (("read", 0), ("write", 20)):
    ScopeUse.objects.create(client=asking, scope=scope, day=(now - timedelta(days=days)).date(), granted=1, asked=1)
disable_client(client=make("off", used=200).client, actor=factories.TESTS, now=now - timedelta(days=100))
found = {kind.value: count for kind, count in count_all(workspace, now=now).items()}
fixed = {kind.value: fix(kind, workspace=workspace, rows=None, actor=factories.TESTS, now=now) for kind in Kind}
left = {kind.value: count for kind, count in count_all(workspace, now=now).items() if count}
with connection.cursor() as cursor:
    cursor.execute("SHOW jit")
    (jit,) = cursor.fetchone()
json.dump({"found": found, "fixed": fixed, "left": left, "jit": jit}, sys.stdout)
