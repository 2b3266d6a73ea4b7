"""Ada owns kestrel, with people of every role, and Ben only views it; Olga administers the instance. Made by the services, in the server's database."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from dashboard import services
from dashboard.models import Membership, User
from tests import factories

NAMES = {"ada": "Ada Lovelace", "ben": "Ben Okafor", "mina": "Mina Okafor", "tom": "Tom Brandt", "olga": "Olga Sand"}


def create_people(names: list[str]) -> dict[str, User]:
    """Accounts <name>@example.com, all with the one password, which is hashed once: each hash takes a tenth of a second."""
    hashed = make_password(factories.PASSWORD)
    now = timezone.now()
    return {
        name: services.create_user(
            email=f"{name}@example.com", hashed_password=hashed, is_instance_admin=name.startswith("olga"), actor=factories.TESTS, now=now
        )
        for name in names
    }


def create_cast() -> dict[str, Any]:
    people = create_people(list(NAMES))
    for hours, (person, user) in enumerate(people.items(), start=2):
        user.name, user.last_login = NAMES[person], timezone.now() - timedelta(hours=hours)
        user.save(update_fields=["name", "last_login"])
    kestrel = factories.create_workspace("kestrel", owner="ada@example.com")
    kestrel.name = "Kestrel Parcel"
    kestrel.save(update_fields=["name"])
    for person, role in (("ben", Membership.Role.VIEWER), ("mina", Membership.Role.ADMIN), ("tom", Membership.Role.DEVELOPER)):
        factories.add_member(kestrel, people[person], role)
    factories.create_client(kestrel, name="billing-sync", contact="tom@example.com")
    return {person: user.pk for person, user in people.items()}


def create_owners(names: list[str]) -> None:
    """Accounts that each own a workspace of their own name."""
    for name in create_people(names):
        factories.create_workspace(name, owner=f"{name}@example.com")
