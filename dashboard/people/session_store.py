"""People's sessions, stored under a digest of their keys: the key itself is only in the cookie, so somebody who reads the database, a replica or a backup can't
use any session.

A plain digest is enough, because a key has 165 random bits. It has 40 characters, the size of Django's and django-allauth's columns.
"""

import hashlib
from typing import Any

from django.contrib.sessions.backends import db
from django.utils import timezone


def digest_key(session_key: str | None) -> str:
    """The value of session_key in Session and UserSession; "" for a session without a key."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:40] if session_key else ""


class SessionStore(db.SessionStore):
    """session_key is the cookie's value. Django's asynchronous methods aren't used: they would look for that value and not find it."""

    def _get_session_from_db(self) -> Any:
        row = self.model.objects.filter(session_key=digest_key(self.session_key), expire_date__gt=timezone.now()).first()
        if row is None:
            self._session_key = None
        return row

    def exists(self, session_key: str) -> bool:
        return super().exists(digest_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = super().create_model_instance(data)
        row.session_key = digest_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            super().delete(digest_key(key))
