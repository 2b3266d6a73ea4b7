"""Invitations and hand-over links depend on their maker: each works only as long as that person could still make it.

This is checked when a link is used. A change that takes the right away also withdraws the links in the same transaction, so that lists only show working links.
Links for a leaving person are withdrawn too: an earlier invitation would let them back in, and a hand-over link gives a secret.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Q
from django.utils.text import get_text_list

from clients.models import HandOver, Workspace
from clients.models.hand_over import HandOverQuerySet
from clients.services import audit, hand_overs
from clients.services.audit import Actor
from clients.services.workspaces import lock_workspace
from dashboard.models import Invitation, InvitationQuerySet, Membership, User
from dashboard.people.former_addresses import addresses_of
from dashboard.people.permissions import Permission, givable_roles, may

_USER = re.compile(r"user:([0-9]{1,18}) ")


@dataclass(frozen=True, slots=True)
class Links:
    """The numbers of links that exist or were withdrawn."""

    invitations: int = 0
    hand_overs: int = 0

    def __bool__(self) -> bool:
        return bool(self.invitations or self.hand_overs)

    @property
    def is_one(self) -> bool:
        return self.invitations + self.hand_overs == 1

    def __str__(self) -> str:
        """Such as “2 invitations and 1 hand-over link”; "" for none."""
        counts = ((self.invitations, "invitation"), (self.hand_overs, "hand-over link"))
        return get_text_list([f"{count:,} {noun}{'s' if count != 1 else ''}" for count, noun in counts if count], "and")


def find_maker(hand_over: HandOver) -> Membership | None:
    """The maker's membership, if there is one and the account is enabled."""
    maker = _USER.match(hand_over.created_by)
    return _find_active(hand_over.client.workspace, int(maker[1])) if maker else None


def may_invite_still(invitation: Invitation) -> bool:
    """Whether the person who invited could still do so."""
    maker = _find_active(invitation.workspace, invitation.invited_by_id)
    return maker is not None and invitation.role in givable_roles(maker)


def may_hand_over_still(hand_over: HandOver) -> bool:
    """Like may_invite_still. A link made by a command stays valid, because commands are for the operator."""
    if hand_over.created_by.startswith("command:"):
        return True
    maker = find_maker(hand_over)
    return maker is not None and may(maker, Permission.WRITE_CLIENTS)


def _find_active(workspace: Workspace, user: int | None) -> Membership | None:
    return Membership.objects.filter(workspace=workspace, user=user, user__is_active=True).select_related("user").first()


def count_open(user: User, *, now: datetime) -> Links:
    """Open links by and for a person, in all workspaces."""
    return Links(*(found.count() for found in _find_by_or_for(user, now)))


def find_workspaces(user: User, *, now: datetime) -> set[int]:
    """The keys of the workspaces that have such links."""
    of_invitations, of_hand_overs = _find_by_or_for(user, now)
    return {*of_invitations.values_list("workspace", flat=True), *of_hand_overs.values_list("client__workspace", flat=True)}


def count_of_leaving(*, user: User, workspace: Workspace, now: datetime) -> Links:
    """The open links in a workspace by or for a person."""
    return Links(*(lost.count() for lost in _find_lost(user, workspace, None, now)))


def count_by_role(*, user: User, workspace: Workspace, now: datetime) -> dict[str, Links]:
    """For each role, the person's open links in a workspace that they couldn't make with it. Two queries for all roles."""
    invited = list(Invitation.objects.open(now).filter(workspace=workspace, invited_by=user).values_list("role", flat=True))
    handed = HandOver.objects.open(now).filter(_made_by(user), client__workspace=workspace).count()
    found = {}
    for role in Membership.Role:
        kept = Membership(role=role)
        lost = [given for given in invited if given not in givable_roles(kept)]
        found[str(role)] = Links(len(lost), 0 if may(kept, Permission.WRITE_CLIENTS) else handed)
    return found


def withdraw_lost(*, user: User, workspace: Workspace, role: str | None, reason: str, actor: Actor, now: datetime) -> Links:
    """Withdraw a person's open links that a member with that role couldn't make, each with its audit event. If the role is None, withdraw all links by or for
    them.

    Call it in the transaction that takes the right away, which must have locked the workspace. reason: a sentence for the audit log.
    """
    return _withdraw(*_find_lost(user, workspace, role, now), workspace=workspace, reason=reason, actor=actor, now=now)


def withdraw_for_address(*, address: str, workspace: Workspace, reason: str, actor: Actor, now: datetime) -> Links:
    """Like withdraw_lost, for links to an address that is no longer a member's: otherwise somebody who reads its mail could come back."""
    invitations = Invitation.objects.open(now).filter(workspace=workspace, email=address)
    links = HandOver.objects.open(now).filter(_for(address), client__workspace=workspace)
    return _withdraw(invitations, links, workspace=workspace, reason=reason, actor=actor, now=now)


def _withdraw(of_invitations: InvitationQuerySet, of_hand_overs: HandOverQuerySet, *, workspace: Workspace, reason: str, actor: Actor, now: datetime) -> Links:
    rows = list(of_invitations.order_by("pk"))
    Invitation.objects.filter(pk__in=[row.pk for row in rows]).update(withdrawn_at=now)
    changes = [audit.Change(row.email, {"role": row.role}, {"reason": reason}) for row in rows]
    audit.record_many("invitation.withdrawn", workspace=workspace, actor=actor, target_type="invitation", changes=changes, now=now)
    return Links(len(rows), hand_overs.withdraw_all(found=of_hand_overs, workspace=workspace, reason=reason, actor=actor, now=now))


def withdraw_everywhere(*, user: User, workspaces: Sequence[Workspace], reason: str, actor: Actor, now: datetime) -> Links:
    """Like withdraw_lost with None, in workspaces that lock_workspaces has locked."""
    parts = [withdraw_lost(user=user, workspace=workspace, role=None, reason=reason, actor=actor, now=now) for workspace in workspaces]
    return Links(sum(part.invitations for part in parts), sum(part.hand_overs for part in parts))


def lock_workspaces(user: User, *, now: datetime) -> list[Workspace]:
    """Lock the workspaces in which the account may have links or be making one. Call it in a transaction, before the account is locked."""
    of_memberships = set(Membership.objects.filter(user=user).values_list("workspace", flat=True))
    found = Workspace.objects.filter(pk__in=of_memberships | find_workspaces(user, now=now)).order_by("pk")
    return [lock_workspace(workspace) for workspace in found]


def _find_lost(user: User, workspace: Workspace, role: str | None, now: datetime) -> tuple[InvitationQuerySet, HandOverQuerySet]:
    if role is None:
        invitations, links = _find_by_or_for(user, now)
    else:
        kept = Membership(role=role)
        invitations = Invitation.objects.open(now).filter(invited_by=user).exclude(role__in=givable_roles(kept))
        links = HandOver.objects.none() if may(kept, Permission.WRITE_CLIENTS) else HandOver.objects.open(now).filter(_made_by(user))
    return invitations.filter(workspace=workspace), links.filter(client__workspace=workspace)


def _find_by_or_for(user: User, now: datetime) -> tuple[InvitationQuerySet, HandOverQuerySet]:
    """This includes the person's former addresses, because links to these are meant for them."""
    addresses = addresses_of(user)
    invitations = Invitation.objects.open(now).filter(Q(invited_by=user) | Q(email__in=addresses))
    return invitations, HandOver.objects.open(now).filter(reduce(or_, map(_for, addresses), _made_by(user)))


def _for(address: str) -> Q:
    """A condition for hand-over links. The address may follow a name."""
    return Q(recipient__iexact=address) | Q(recipient__iendswith=f"<{address}>")


def _made_by(user: User) -> Q:
    return Q(created_by__startswith=f"user:{user.pk} ")
