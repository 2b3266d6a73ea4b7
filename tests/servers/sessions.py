"""The session of somebody who is signed in, made beside the server, as a Cookie header has it."""

from tests.servers.conftest import Server

_MAKE = "from dashboard.models import User; from tests import factories; print(factories.create_session(User.objects.earliest('pk')))"


def make_session(server: Server) -> str:
    done = server.fork("shell", "--no-imports", "-c", _MAKE)
    assert done.returncode == 0, done.stderr
    return f"__Host-session={done.stdout.strip()}"
