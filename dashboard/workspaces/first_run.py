"""The tasks that a workspace has before it goes live, and whether it is still new."""

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.db.models import QuerySet

from clients.models import Client
from dashboard.models import Membership
from dashboard.people.permissions import Permission, Role, may
from dashboard.workspaces.first_start import DEMO_CLIENT, DEMO_WORKSPACE


@dataclass(frozen=True, slots=True)
class Task:
    """words: what to do. route: the page, of the workspace or of the account. label: the link's, "" if the reader may not do it. object: the text after the
    link.
    """

    words: str
    icon: str
    label: str
    object: str
    route: str
    is_of_workspace: bool


def is_first_run(membership: Membership) -> bool:
    """Whether the workspace has no client, except the one that the first start made."""
    return not _own_clients(membership).exists()


def find_demo_client(membership: Membership) -> Client | None:
    if membership.workspace.slug != DEMO_WORKSPACE:
        return None
    return Client.objects.filter(workspace=membership.workspace, name=DEMO_CLIENT).order_by("pk").first()


def _own_clients(membership: Membership) -> QuerySet[Client]:
    clients = Client.objects.filter(workspace=membership.workspace)
    demo = find_demo_client(membership)
    return clients if demo is None else clients.exclude(pk=demo.pk)


def tasks_before_live(membership: Membership) -> list[Task]:
    """The tasks that are left."""
    has_passkey = Authenticator.objects.filter(user=membership.user, type=Authenticator.Type.WEBAUTHN).exists()
    tasks = [] if has_passkey else [Task("Add a passkey", "passkey", "Add", "a passkey", "passkey_new", is_of_workspace=False)]
    owners = Membership.objects.filter(workspace=membership.workspace, role=Role.OWNER, user__is_active=True).count()
    if owners < 2:
        label = "Invite" if may(membership, Permission.MANAGE_OWNERS) else ""
        tasks.append(Task("Invite a second owner", "users", label, "a second owner", "invite", is_of_workspace=True))
    return tasks
