"""A program: what two people do to each other at once, over and over, on the database of DATABASE_URL. Prints what came of it, as JSON.

On PostgreSQL, unlike on SQLite, two transactions that write run side by side, so that only the services' lock orders them.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from dashboard.models import Invitation, Membership, User
from dashboard.people import account_status, accounts, invitations, memberships
from dashboard.people.permissions import NotAllowedError
from tests import factories

# Each of three acts of owners meets each of two of administrators.
ROUNDS = 6
Role = Membership.Role


def together(*calls):
    barrier = Barrier(len(calls))

    def run(call):
        barrier.wait()
        try:
            call()
        except (ValidationError, NotAllowedError, Membership.DoesNotExist, Invitation.DoesNotExist):
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(len(calls)) as pool:
        return sum(pool.map(run, calls))


def demote(membership, by):
    return lambda: memberships.change_role(membership=membership, role="viewer", by=by, actor=factories.TESTS, now=timezone.now())


def leave(membership):
    return lambda: memberships.remove_member(membership=membership, by=membership, actor=factories.TESTS, now=timezone.now())


def end(service, user):
    return lambda: service(user=user, actor=factories.TESTS, now=timezone.now())


def remove(membership):
    return lambda: memberships.remove_member(membership=membership, by=None, actor=factories.TESTS, now=timezone.now())


def join(invitation, name):
    now = timezone.now()
    return lambda: invitations.accept_as_new_person(invitation=invitation, name=name, hashed_password="x", actor=factories.TESTS, now=now)


def move(user, token):
    return lambda: accounts.change_email(user=user, token=token, actor=factories.TESTS, now=timezone.now())


def main():
    workspace = factories.create_workspace("at-once", owner="ada@example.com")
    second = factories.create_workspace("second", owner="ada@example.com")
    ada = workspace.memberships.select_related("user", "workspace").get()
    olivia = User.objects.get(pk=factories.create_user("olivia@example.com").pk)
    inviter = second.memberships.select_related("user", "workspace").get()
    owners, joined, invited, holders, both, administrators = set(), set(), set(), set(), set(), set()
    pair = [factories.create_user(f"{name}@example.com", is_instance_admin=True) for name in ("olga", "oscar")]
    for number in range(ROUNDS):
        Membership.objects.filter(workspace=workspace).exclude(pk=ada.pk).delete()
        first, _ = Membership.objects.update_or_create(
            pk=ada.pk, defaults={"workspace": workspace, "user": ada.user, "role": Role.OWNER, "created_at": timezone.now()}
        )
        other = Membership.objects.create(workspace=workspace, user=olivia, role=Role.OWNER, created_at=timezone.now())
        acts = [(demote(other, first), demote(first, other)), (demote(first, first), demote(other, other)), (leave(first), leave(other))][number % 3]
        together(*acts)
        owners.add(Membership.objects.filter(workspace=workspace, role=Role.OWNER).count())
        email = f"p{number}@example.com"
        invitation = factories.invite(inviter, email).invitation
        joined.add(together(join(invitation, "One"), join(invitation, "Two")))
        invited.add(together(*[partial(factories.invite, inviter, f"q{number}@example.com")] * 2))
        email = f"r{number}@example.com"
        mover = factories.create_user(f"s{number}@example.com")
        token = accounts.make_email_change_token(user=mover, email=email, actor=factories.TESTS, now=timezone.now())
        User.objects.filter(pk__in=[user.pk for user in pair]).update(is_staff=True, is_active=True)
        service = [account_status.demote, account_status.disable_account][number % 2]
        together(*[end(service, user) for user in pair])
        administrators.add(User.objects.filter(is_staff=True, is_active=True).count())
        maker = factories.add_member(second, olivia, Role.ADMIN)
        invitation = factories.invite(maker, f"t{number}@example.com").invitation
        together(remove(maker), join(invitation, "Four"))
        invitation.refresh_from_db()
        # Joined or withdrawn, never both, and never neither.
        both.add((invitation.accepted_at is None) == (invitation.withdrawn_at is None))
        holders.add(together(move(mover, token), join(factories.invite(inviter, email).invitation, "Three")))
    found = {"owners": owners, "accounts": joined, "invited": invited, "holders": holders, "both": both, "administrators": administrators}
    sys.stdout.write(json.dumps({name: sorted(values) for name, values in found.items()}))


main()
