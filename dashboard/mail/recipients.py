"""To whom mail about a client goes: its owner, and the admins of its workspace where it is urgent."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

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
    """Nobody, where that is no address, or the address of an account that is out."""
    if not is_address(client.contact):
        return []
    user = User.objects.filter(email=client.contact.lower()).first()
    return [] if user is not None and _is_out(user, client.workspace) else [client.contact]


def _is_out(user: User, workspace: Workspace) -> bool:
    """Whether it is switched off, or was taken out of the workspace, as by single sign-on, which names no heir of its clients."""
    if not user.is_active:
        return True
    goings = AuditEvent.objects.filter(workspace=workspace, event__in=("member.removed", "member.left"), target_type="user", target_id=user.audit_name[:254])
    return goings.exists() and not Membership.objects.filter(workspace=workspace, user=user).exists()


def admins_of(workspace: Workspace) -> list[str]:
    rows = Membership.objects.filter(workspace=workspace, role__in=roles_from(LEAST_ROLE[Permission.ADMINISTER_CLIENTS]), user__is_active=True)
    return list(rows.order_by("pk").values_list("user__email", flat=True)[:MOST_ADMINS])
