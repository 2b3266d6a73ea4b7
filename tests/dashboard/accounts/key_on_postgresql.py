"""A program on the PostgreSQL of DATABASE_URL: an account's owner ends another session at the moment when its key changes. Prints, as JSON, what became of
both, and how many sessions are left.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection
from django.test import RequestFactory
from django.utils import timezone

from dashboard.people import user_sessions
from dashboard.people.session_store import SessionStore, digest_key
from tests import factories

user = factories.create_user("ada@example.com")
session = SessionStore()
session.create()
UserSession.objects.create(user=user, ip="127.0.0.1", session_key=digest_key(session.session_key), user_agent="")
has_changed_one = Event()


def wait_for_the_other(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:  # Django's signature
    done = execute(sql, params, many, context)
    if sql.startswith('DELETE FROM "django_session"'):
        has_changed_one.set()
        with connection.cursor() as cursor:
            ends, is_waiting = time.monotonic() + 20, False
            while not is_waiting and time.monotonic() < ends:
                cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
                [is_waiting] = cursor.fetchone()
    return done


def change_key() -> None:
    request = RequestFactory().get("/")
    request.session, request.user = session, AnonymousUser()
    with connection.execute_wrapper(wait_for_the_other):
        user_sessions.change_key(request)


def end() -> None:
    assert has_changed_one.wait(20)
    user_sessions.end_other_sessions(user=user, kept="", actor=factories.TESTS, now=timezone.now())


def outcome(act: Callable[[], None]) -> str:
    try:
        act()
    except (DatabaseError, SessionInterrupted) as error:
        return str(error)
    finally:
        connection.close()
    return "done"


with ThreadPoolExecutor() as pool:
    outcomes = list(pool.map(outcome, (change_key, end)))
print(json.dumps([*outcomes, Session.objects.count() + UserSession.objects.count()]))  # noqa: T201  # read by the test
