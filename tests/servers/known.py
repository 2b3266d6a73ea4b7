"""Makes, outside the server, the cookie of a browser in which somebody signed in before."""

from tests.servers.conftest import Server

_MAKE = """
from django.http import HttpRequest, HttpResponse
from dashboard.models import User
from dashboard.people import known_devices
response = HttpResponse()
known_devices.remember(HttpRequest(), response, User.objects.earliest("pk"))
print(response.cookies[known_devices.COOKIE].OutputString().partition(";")[0])
"""


def make_known_cookie(server: Server) -> str:
    done = server.fork("shell", "--no-imports", "-c", _MAKE)
    assert done.returncode == 0, done.stderr
    return str(done.stdout.strip())
