"""The recipients of mail about a client: its owner and, if it is urgent, the admins of its workspace."""

from datetime import datetime
from typing import Any

from django.db.models import BooleanField, CharField, Exists, ExpressionWrapper, OuterRef, Q, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Concat, Lower, StrIndex, Substr

from clients.models import AuditEvent, Client, Workspace
from dashboard.instance.mail.addresses import is_address
from dashboard.models import Membership, User
from dashboard.people.permissions import LEAST_ROLE, Permission, roles_from
from dashboard.people.quotas import may_notify, would_notify

MAX_ADMINS = 20


def present_owner_of(client: Client) -> list[str]:
    """The client's contact, if that is an address, but not the address of an account that is disabled or was removed from the workspace, for example by
    single sign-on, which names no successor. This needs a query, unless the client was read with **about_contact().
    """
    is_out = getattr(client, "contact_is_out", None)
    if is_out is None:
        return owner_named(client.contact, client.workspace_id)
    return [client.contact] if is_address(client.contact) and not is_out else []


def owner_named(contact: str, workspace: int) -> list[str]:
    """Like present_owner_of, for a client of that workspace with that contact. workspace: the primary key."""
    if not is_address(contact):
        return []
    is_out = contact_is_out(workspace=Value(workspace), contact=Value(contact.lower()))
    return [] if Workspace.objects.filter(is_out, pk=workspace).exists() else [contact]


def about_contact() -> dict[str, Any]:
    """Annotations for a query of clients, so that the functions here need no further query about the contact."""
    members = Membership.objects.filter(workspace=OuterRef("workspace"), user__email=Lower(OuterRef("contact")), user__is_active=True)
    return {"contact_is_out": contact_is_out(), "contact_belongs": Exists(members)}


def contact_is_out(workspace: Any = OuterRef("workspace"), contact: Any = Lower(OuterRef("contact"))) -> "ExpressionWrapper[Q]":  # noqa: B008  # they are values
    """A condition for a query of clients, unless workspace and contact are given. The address with which a person left is in the audit log, because the
    account's may have changed since.
    """
    went = AuditEvent.objects.filter(event__in=("member.removed", "member.left"), target_type="user")
    as_contact = went.filter(workspace=workspace, target_id__startswith="user:", target_id__endswith=Concat(Value(" "), contact, output_field=CharField()))
    # A colleague may still enter a person's former address.
    person = Substr("target_id", 1, StrIndex("target_id", Value(" ")))
    went_later = Exists(went.annotate(person=person).filter(workspace=OuterRef("workspace"), person=OuterRef("person")))
    changes = AuditEvent.objects.annotate(person=person, former=Lower(KT("before__email"))).filter(
        workspace=workspace, event="member.email_changed", former=contact
    )
    is_member = Exists(Membership.objects.filter(workspace=workspace, user__email=contact))
    is_off = Exists(User.objects.filter(is_active=False, email=contact))
    has_gone = Q(Exists(as_contact)) | Q(Exists(changes.filter(went_later)))
    return ExpressionWrapper(Q(is_off) | (has_gone & ~Q(is_member)), output_field=BooleanField())


def may_have_notice(address: str, *, workspace: Workspace, by: User | Workspace, now: datetime) -> bool:
    """A developer can enter any address as a client's contact, so an address outside the workspace gets only a few emails an hour. Counts it."""
    return belongs_to(workspace, address) or may_notify(address, by=by, now=now)


def would_have_notice(address: str, *, workspace: Workspace, by: User | Workspace, now: datetime) -> bool:
    """Like may_have_notice, but without counting."""
    return belongs_to(workspace, address) or would_notify(address, by=by, now=now)


def belongs_to(workspace: Workspace, address: str) -> bool:
    return Membership.objects.filter(workspace=workspace, user__email=address.lower(), user__is_active=True).exists()


def contact_belongs(client: Client) -> bool:
    """Whether the client's contact is a member. This needs a query, unless the client was read with **about_contact()."""
    known: bool | None = getattr(client, "contact_belongs", None)
    return belongs_to(client.workspace, client.contact) if known is None else known


def admins_of(workspace: Workspace) -> list[str]:
    rows = Membership.objects.filter(workspace=workspace, role__in=roles_from(LEAST_ROLE[Permission.ADMINISTER_CLIENTS]), user__is_active=True)
    return list(rows.order_by("pk").values_list("user__email", flat=True)[:MAX_ADMINS])
