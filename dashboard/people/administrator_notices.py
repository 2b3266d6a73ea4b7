"""Mail to all administrators of the instance about who is one, also to whoever did it: it may have been somebody else in their session."""

from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

from clients.services.announcements import after_commit
from clients.services.audit import Actor
from dashboard.instance.addresses import page_url
from dashboard.models import User
from dashboard.people.actors import find_person, say_doer
from dashboard.people.member_notices import tell_member

# Of an account: what a change means to the administrators.
_TEXTS = {
    "user.promoted": ("A new administrator", "administers {host} from now on"),
    "user.demoted": ("An administrator less", "administers {host} no longer"),
    "user.disabled": ("An administrator’s account was switched off", "administered {host}, and nobody can sign in to that account any more"),
    "user.enabled": ("An administrator’s account is on again", "administers {host} again"),
}


def tell_administrators(event: str, user: User, *, actor: Actor, now: datetime) -> None:
    """Within the transaction of the change, after which it is told. event: as in the audit log. user: the account, which hears of it otherwise."""
    after_commit(partial(_tell, event, user, actor.name, now))


def _tell(event: str, user: User, actor: str, now: datetime) -> None:
    host = urlsplit(page_url("/")).netloc
    headline, text = (said.format(host=host) for said in _TEXTS[event])
    context = {"headline": headline, "text": text, "user": user, "host": host, "doer": say_doer(actor), "at": now}
    by = find_person(actor)
    for administrator in User.objects.filter(is_staff=True, is_active=True).exclude(pk=user.pk).order_by("pk"):
        tell_member("administrator_changed", administrator.email, context, by=by, now=now)
