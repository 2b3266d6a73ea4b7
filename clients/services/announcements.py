"""Events that people are told about. A service announces an event in its transaction. After the commit, it reaches the listeners, such as the one that sends
mail.

So pages, commands and the admin have the same consequences. An error in a listener doesn't undo the change.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from clients.models import Client, ClientSecret, HandOver, Workspace
from clients.models.credentials import AnyCredential
from clients.services.audit import Actor


@dataclass(frozen=True, slots=True)
class Changed:
    """act: what was done to the client, such as “a secret was added”. names: those of the added things. is_there: whether the client still exists.
    former_contact: its previous contact, if that changed.
    """

    act: str
    client: Client
    actor: Actor
    now: datetime
    names: tuple[str, ...] = ()
    reason: str = ""
    is_there: bool = True
    former_contact: str = ""


@dataclass(frozen=True, slots=True)
class Edited:
    """before, after: the changed fields, named as in Client."""

    client: Client
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """act: “revoked” with its tokens, or “ended” without them. is_urgent: more people are told, for example because it leaked."""

    act: str
    credential: AnyCredential
    client: Client
    actor: Actor
    now: datetime
    reason: str = ""
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class Rotated:
    """previous: the old secrets, with their new expiry dates."""

    secret: ClientSecret
    previous: tuple[ClientSecret, ...]
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The link was used."""

    hand_over: HandOver


@dataclass(frozen=True, slots=True)
class Unused:
    """The workspace's policy will disable the client by disables_at, because it will have been unused for those days."""

    client: Client
    days: int
    disables_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class WorkspaceDeletion:
    """A workspace that was deleted or, if deletes_at is None again, is kept."""

    workspace: Workspace
    actor: Actor
    now: datetime


Announcement = Changed | Edited | Ended | Rotated | HandedOver | Unused | WorkspaceDeletion
Listener = Callable[[Sequence[Announcement]], None]
_listeners: list[Listener] = []
_gathered: ContextVar[list[Announcement] | None] = ContextVar("gathered", default=None)


def after_commit(act: Callable[[], object]) -> None:
    """Run it after the commit. If it fails, the error is logged, and the response stays the same."""

    # Django logs the name of the function that failed, and a partial has none.
    def acted() -> None:
        act()

    transaction.on_commit(acted, robust=True)


def listen(listener: Listener) -> None:
    """Register a listener. It is called with a list of events that belong together."""
    _listeners.append(listener)


def announce(announcement: Announcement) -> None:
    gathered = _gathered.get()
    said = partial(_tell, [announcement]) if gathered is None else partial(gathered.append, announcement)
    after_commit(said)


@contextmanager
def together() -> Iterator[None]:
    """Events announced within this context are told together, in one email to each address. They may come from several transactions; the last one may have
    failed.
    """
    gathered: list[Announcement] = []
    before = _gathered.set(gathered)
    try:
        yield
    finally:
        _gathered.reset(before)
        after_commit(partial(_tell, gathered))


def _tell(announcements: Sequence[Announcement]) -> None:
    for listener in _listeners if announcements else ():
        listener(announcements)
