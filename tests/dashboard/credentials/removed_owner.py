"""Who owns a client on PostgreSQL: a member, a removed member, and a person who changed their address. Prints JSON."""

import json
import sys
from datetime import UTC, datetime

from dashboard.models import Membership, User
from dashboard.people.memberships import remove_member
from dashboard.people.recipients import present_owner_of
from tests import factories

now = datetime.now(UTC)
demo = factories.create_workspace()
mia = factories.create_user("mia_1@example.com")
membership = factories.add_member(demo, mia, Membership.Role.DEVELOPER)
client = factories.create_client(demo, contact="Mia_1@example.com").secret.client
found = [present_owner_of(client)]
remove_member(membership=membership, by=None, actor=factories.TESTS, now=now)
found.append(present_owner_of(client))
User.objects.filter(pk=mia.pk).update(email="mia@home.example")
found.append(present_owner_of(client))
json.dump(found, sys.stdout)
