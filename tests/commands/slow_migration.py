"""manage.py prepare while others hold locks for longer than any other statement may wait. Prints dashboard's last migration."""

import json
import sys
from io import StringIO
from threading import Timer

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from oauth.patience import patience

USUAL, HELD = 0.6, 1.5


def hold(statement):
    """On a connection without a time limit."""
    database = settings.DATABASES["default"]
    other = psycopg.connect(host=database["HOST"], port=database["PORT"], user=database["USER"], dbname=database["NAME"])
    other.execute(statement)
    Timer(HELD, other.close).start()


def prepare():
    # As long as its other statements have, in a test.
    patience().statement = USUAL
    call_command("prepare", stdout=StringIO())


call_command("migrate", "dashboard", "0006", verbosity=0)
# ALTER TABLE waits for readers.
hold("LOCK TABLE dashboard_user IN ACCESS SHARE MODE")
prepare()
# As a node does that migrates.
hold("SELECT pg_advisory_lock(hashtext('tokenos prepare'))")
prepare()
with connection.cursor() as cursor:
    cursor.execute("SELECT max(name) FROM django_migrations WHERE app = 'dashboard'")
    sys.stdout.write(json.dumps(cursor.fetchone()[0]))
