"""Turns AuditEvent.actor and created_by into words and icons for pages."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Q

from clients.models import Client, Workspace
from dashboard.models import User
from dashboard.people.names import tell_apart

_USER = re.compile(r"user:([0-9]{1,18}) (.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Who:
    """name: for people. way: how it acted, in words that follow the act; "" for a person. client_id: a client's. icon: shown if there are no picture and no
    initials.
    """

    name: str
    way: str = ""
    client_id: str = ""
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """People's names by primary key, and a workspace's clients' names by client_id."""

    people: Mapping[int, str]
    clients: Mapping[str, str]


def find_names(workspace: Workspace, *, actors: Iterable[str], client_ids: Iterable[str]) -> Names:
    """This also considers current members, so that an actor can't be mistaken for another member with a similar name."""
    actors = list(actors)
    people = find_people(actors)
    named = {actor.removeprefix("client:") for actor in actors if actor.startswith("client:")}
    found = Client.objects.filter(workspace=workspace, client_id__in={*named, *client_ids} - {""})
    who_may = Q(pk__in=people) | Q(memberships__workspace=workspace)
    users = User.objects.filter(who_may).only("name", "email").distinct() if people else User.objects.none()
    others = {describe(actor, Names({}, {})).name for actor in actors if not _USER.fullmatch(actor)}
    return Names(tell_apart(users, others), dict(found.values_list("client_id", "name")))


def find_people(actors: Iterable[str]) -> set[int]:
    """The primary keys of the actors who are people; their accounts may be deleted."""
    return {int(match[1]) for actor in actors if (match := _USER.fullmatch(actor))}


def find_person(actor: str) -> User | None:
    """The actor's account; None if it isn't a person's or is deleted."""
    person = _USER.fullmatch(actor)
    return User.objects.filter(pk=int(person[1])).first() if person else None


def say_doer(actor: str) -> str:
    """The actor in mail, in words that follow “by”: “Dana Scully (dana@example.com)”, “root, by a command”."""
    user = find_person(actor)
    if user is not None:
        return f"{user.name} ({user.email})" if user.name else user.email
    if actor.startswith("sso:"):
        return "a group at the OpenID provider"
    who = describe(actor, Names({}, {}))
    return f"{who.name}, {who.way}" if who.way else who.name


def describe(actor: str, names: Names) -> Who:
    kind, _, rest = actor.partition(":")
    if person := _USER.fullmatch(actor):
        return Who(names.people.get(int(person[1]), person[2]))
    if kind == "client":
        return Who(names.clients.get(rest, rest), "through the API", client_id=rest)
    if kind == "command":
        return Who(rest or "A command", "by a command", icon="term")
    if kind == "hand-over":
        return Who(rest.partition(" ")[2] or "Somebody with the link", "without an account", icon="user")
    if actor == "system":
        return Who("TokenOS", icon="pulse")
    return Who("Unknown" if actor == "anonymous" else actor, icon="user")
