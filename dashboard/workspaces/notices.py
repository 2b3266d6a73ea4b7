"""Mail to a workspace's owners when it is deleted, and when it is kept after all."""

from collections.abc import Sequence

from clients.services.announcements import Announcement, WorkspaceDeletion
from dashboard.people.actors import find_person, say_doer
from dashboard.people.owner_notices import tell_owners


def tell_announced(said: Sequence[Announcement]) -> None:
    """Listens to clients.services.announcements."""
    for one in said:
        if isinstance(one, WorkspaceDeletion):
            template = "workspace_kept" if one.workspace.deletes_at is None else "workspace_deleted"
            tell_owners(template, one.workspace, {"doer": say_doer(one.actor.name)}, by=find_person(one.actor.name), now=one.now)
