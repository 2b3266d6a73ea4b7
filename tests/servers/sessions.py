"""The session of somebody who is signed in, made beside the server, as a Cookie header has it."""

from tests.servers.conftest import Server

_MAKE = """
from allauth.usersessions.models import UserSession
from django.contrib import auth
from dashboard.models import User
from dashboard.people.session_store import SessionStore, digest_key
user = User.objects.earliest("pk")
session = SessionStore()
session[auth.SESSION_KEY], session[auth.HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
session[auth.BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session.save()
UserSession.objects.create(user=user, session_key=digest_key(session.session_key), ip="127.0.0.1", user_agent="")
print(session.session_key)
"""


def make_session(server: Server) -> str:
    done = server.fork("shell", "--no-imports", "-c", _MAKE)
    assert done.returncode == 0, done.stderr
    return f"__Host-session={done.stdout.strip()}"
