"""A program: several people use one link at once, over and over, on the database of DATABASE_URL. Prints how many secrets came of each, as JSON.

On PostgreSQL, unlike on SQLite, two transactions that write run side by side, so that only the service's lock orders them.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from django.db import connections
from django.utils import timezone

from clients.models import ClientSecret, HandOver
from clients.services import hand_overs
from tests import factories

ROUNDS, PEOPLE = 10, 3


def use_at_once(hand_over):
    """Returns how many secrets it made."""
    barrier = Barrier(PEOPLE)

    def use(_number):
        barrier.wait()
        try:
            hand_overs.use_for_secret(hand_over=hand_over, is_allowed=bool, actor=factories.TESTS, now=timezone.now())
        except HandOver.DoesNotExist:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(PEOPLE) as pool:
        return sum(pool.map(use, range(PEOPLE)))


def make_link(client):
    now = timezone.now()
    return hand_overs.create_hand_over(client=client, recipient="", lifetime=timedelta(days=1), secret_lifetime=None, actor=factories.TESTS, now=now).hand_over


def main():
    client = factories.create_client(factories.create_workspace("at-once")).secret.client
    used = {use_at_once(make_link(client)) for _ in range(ROUNDS)}
    sys.stdout.write(json.dumps({"used": sorted(used), "secrets": ClientSecret.objects.filter(client=client).count()}))
