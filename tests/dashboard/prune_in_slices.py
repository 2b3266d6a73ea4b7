"""A program: five old rows and a new one of each kind that can have many, pruned two at a time. Prints, as JSON, by table: the most rows that one statement
removed, how many were removed, and how many are left.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection

from clients.models import HandOver
from clients.services import retention
from dashboard.background import prune
from dashboard.client.credentials import expiry_notices
from dashboard.models import ExpiryNotice, Invitation, SpentForm
from oauth.models import FailureCount, RevokedToken, UsedJWT
from tests import factories


def prune_in_slices(now: datetime) -> dict[str, tuple[int, int, int]]:
    make_rows(now)
    retention._BATCH = 2
    removed: dict[str, list[int]] = {}

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:  # Django's signature
        done = execute(sql, params, many, context)
        if sql.startswith("DELETE"):
            removed.setdefault(sql.split('"')[1], []).append(context["cursor"].rowcount)
        return done

    with connection.execute_wrapper(note):
        prune.prune(now=now)
        expiry_notices.send_due(now=now)
    tables = {kind._meta.db_table: kind for kind in (RevokedToken, UsedJWT, FailureCount, SpentForm, Invitation, HandOver, ExpiryNotice, Session, UserSession)}
    return {name: (max(removed[name]), sum(removed[name]), kind._default_manager.count()) for name, kind in tables.items()}


def make_rows(now: datetime) -> None:
    workspace = factories.create_workspace("slices")
    client = factories.create_client(workspace).secret.client
    user = factories.create_user("sliced@example.com")
    for number in range(6):
        at = now + timedelta(hours=1) if number == 5 else now - timedelta(days=500)
        text = f"slice {number}"
        RevokedToken.objects.create(jti=text, client=client, expires_at=at, revoked_at=at)
        UsedJWT.objects.create(key=number * 2**60, expires_at=int(at.timestamp()))
        FailureCount.objects.create(key=text, failures=1, window_ends=int(at.timestamp()))
        SpentForm.objects.create(token=text, user=user, made="x", created_at=at)
        Invitation.objects.create(workspace=workspace, email=f"{number}@example.com", role="viewer", token_digest=text, created_at=at, expires_at=at)
        HandOver.objects.create(client=client, token_digest=text, created_at=at, created_by="x", expires_at=at)
        ExpiryNotice.objects.create(credential=text, step=1, ends_at=at, created_at=at)
        Session.objects.create(session_key=text, session_data="", expire_date=at)
        UserSession.objects.create(session_key=text, user=user, ip="203.0.113.7", user_agent="")


if __name__ == "tests.dashboard.prune_in_slices" and connection.vendor == "postgresql":
    from django.utils import timezone

    print(json.dumps(prune_in_slices(timezone.now())))  # noqa: T201  # read by the test
