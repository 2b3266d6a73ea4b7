"""To whom mail about a client goes: its owner, and the admins of its workspace where it is urgent."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import CharField, Exists, OuterRef, Q, Value
from django.db.models.functions import Cast, Concat

from clients.models import AuditEvent, Client, Workspace
from dashboard.models import Membership, User
from dashboard.permissions import LEAST_ROLE, Permission, roles_from

MOST_ADMINS = 20


def is_address(contact: str) -> bool:
    """Whether mail can go there: an owner may also be a name."""
    try:
        validate_email(contact)
    except ValidationError:
        return False
    return True


def owner_of(client: Client) -> list[str]:
    """Nobody, where that is no address."""
    return [client.contact] if is_address(client.contact) else []


def present_owner_of(client: Client) -> list[str]:
    """As owner_of, but not the address of an account that is switched off, or was taken out of the workspace, as by single sign-on, which names no heir."""
    owner = owner_of(client)
    return [] if owner and _is_out(client.contact, client.workspace) else owner


def _is_out(contact: str, workspace: Workspace) -> bool:
    audit_name = Concat(Value("user:"), Cast(OuterRef("pk"), CharField()), Value(" "), OuterRef("email"))
    goings = AuditEvent.objects.filter(workspace=workspace, event__in=("member.removed", "member.left"), target_type="user", target_id=audit_name)
    memberships = Membership.objects.filter(workspace=workspace, user=OuterRef("pk"))
    was_taken_out = Exists(goings) & ~Exists(memberships)
    return User.objects.filter(Q(is_active=False) | was_taken_out, email=contact.lower()).exists()


def admins_of(workspace: Workspace) -> list[str]:
    rows = Membership.objects.filter(workspace=workspace, role__in=roles_from(LEAST_ROLE[Permission.ADMINISTER_CLIENTS]), user__is_active=True)
    return list(rows.order_by("pk").values_list("user__email", flat=True)[:MOST_ADMINS])
