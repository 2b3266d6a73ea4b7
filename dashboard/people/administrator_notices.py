"""Mail to all administrators of the instance about changes among them, also to the one who made the change, because it may have been somebody else in their
session.
"""

from datetime import datetime
from functools import partial

from clients.services.announcements import after_commit
from clients.services.audit import Actor
from dashboard.instance.addresses import issuer_host
from dashboard.models import User
from dashboard.people.actors import find_person, say_doer
from dashboard.people.member_notices import tell_member

# By event: the subject, and the meaning for administrators.
_TEXTS = {
    "user.promoted": ("A new administrator", "is now an administrator of {host}"),
    "user.demoted": ("An administrator was removed", "is no longer an administrator of {host}"),
    "user.disabled": ("An administrator’s account was disabled", "was an administrator of {host}. Nobody can sign in to that account any more"),
    "user.enabled": ("An administrator’s account is enabled again", "is an administrator of {host} again"),
}


def tell_administrators(event: str, user: User, *, actor: Actor, now: datetime) -> None:
    """Call it in the transaction of the change; the mail is sent after it. event: as in the audit log. user: the changed account, which is told separately."""
    after_commit(partial(_tell, event, user, actor.name, now))


def _tell(event: str, user: User, actor: str, now: datetime) -> None:
    host = issuer_host()
    headline, text = (said.format(host=host) for said in _TEXTS[event])
    context = {"headline": headline, "text": text, "user": user, "host": host, "doer": say_doer(actor), "at": now}
    by = find_person(actor)
    for administrator in User.objects.filter(is_staff=True, is_active=True).exclude(pk=user.pk).order_by("pk"):
        tell_member("administrator_changed", administrator.email, context, by=by, now=now)
