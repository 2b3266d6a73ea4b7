"""To whom mail about a client goes: its owner, and the admins of its workspace where it is urgent."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from clients.models import Client, Workspace
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
    """Nobody, where that is no address, or the address of an account that is switched off."""
    is_off = User.objects.filter(email=client.contact.lower(), is_active=False).exists()
    return [client.contact] if is_address(client.contact) and not is_off else []


def admins_of(workspace: Workspace) -> list[str]:
    rows = Membership.objects.filter(workspace=workspace, role__in=roles_from(LEAST_ROLE[Permission.ADMINISTER_CLIENTS]), user__is_active=True)
    return list(rows.order_by("pk").values_list("user__email", flat=True)[:MOST_ADMINS])
