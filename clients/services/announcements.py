"""What people are told of: a service announces it within its transaction, and once that is committed it reaches whoever listens, such as what sends mail.

So a page, a command and the admin have the same consequences. What comes of it doesn't undo the change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction

from clients.models import Client, ClientSecret
from clients.services.audit import Actor


@dataclass(frozen=True, slots=True)
class Changed:
    """act: what was done to the client, such as “a secret was added”. names: of what was added. is_there: whether there is the client still."""

    act: str
    client: Client
    actor: Actor
    now: datetime
    names: tuple[str, ...] = ()
    is_there: bool = True


@dataclass(frozen=True, slots=True)
class Rotated:
    """previous: the secrets that run out, with their new ends."""

    secret: ClientSecret
    previous: tuple[ClientSecret, ...]
    actor: Actor
    now: datetime


Announcement = Changed | Rotated
Listener = Callable[[Announcement], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    _listeners.append(listener)


def announce(announcement: Announcement) -> None:
    for listener in _listeners:
        transaction.on_commit(partial(listener, announcement), robust=True)
