"""Makes, outside the server, the session of a signed-in user, as a Cookie header."""

from tests.servers.conftest import Server

_MAKE = """
from dashboard.models import User
from tests import factories
print(factories.create_session(User.objects.get(email=EMAIL) if EMAIL else User.objects.earliest("pk")))
"""


def make_session(server: Server, email: str = "") -> str:
    """email: of whose account, "" for the oldest."""
    done = server.fork("shell", "--no-imports", "-c", f"EMAIL = {email!r}\n{_MAKE}")
    assert done.returncode == 0, done.stderr
    return f"__Host-session={done.stdout.strip()}"
