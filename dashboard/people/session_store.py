"""Sessions of people, in the database under a digest of their keys: the key itself stands in the cookie alone, so whoever reads the database, a replica of it
or a backup can use none of them.

A plain digest will do, for a key is 165 random bits. It has the 40 characters for which Django's column, and that of django-allauth, have room.
"""

import hashlib
from typing import Any

from django.contrib.sessions.backends import db
from django.utils import timezone


def digest_key(session_key: str | None) -> str:
    """As session_key of Session and of UserSession has it, "" for a session that has no key yet."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:40] if session_key else ""


class SessionStore(db.SessionStore):
    """session_key is what the cookie holds. Django's asynchronous methods, which nobody calls, would look for that, and find nothing."""

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
