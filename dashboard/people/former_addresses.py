"""Accounts' former addresses, from the audit log: an invitation or link for a former address is meant for the person who had it."""

from collections.abc import Collection

from django.db.models import QuerySet

from clients.models import AuditEvent, Workspace
from dashboard.models import Membership, User
from dashboard.people.actors import find_people


def addresses_of(user: User) -> list[str]:
    """The current address, and former ones that don't belong to another account now."""
    changes = _changes().filter(target_type="user", target_id__startswith=f"user:{user.pk} ")
    former = {before.get("email", "") for before in changes.values_list("before", flat=True)} - {"", user.email}
    return [user.email, *sorted(former.difference(User.objects.filter(email__in=former).values_list("email", flat=True)))]


def find_members(workspace: Workspace, former: Collection[str]) -> dict[str, str]:
    """Former address → current address, for members who had one of these addresses before."""
    found = _changes().filter(before__email__in=list(former)).values_list("target_id", "before")
    members = dict(Membership.objects.filter(workspace=workspace, user__in=find_people(target for target, _ in found)).values_list("user", "user__email"))
    by_former = {before["email"]: members.get(pk) for target, before in found for pk in find_people([target])}
    taken = set(User.objects.filter(email__in=by_former).values_list("email", flat=True))
    return {address: present for address, present in by_former.items() if present is not None and address not in taken}


def _changes() -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(workspace=None, event="user.email_changed").order_by("pk")
