"""Whether the server can listen where it is told to, found out before it starts.

Run as “python -m dashboard.server.listening” before anybody is told where to sign in.
"""

import errno
import socket
import sys

from django.core.exceptions import ImproperlyConfigured

from dashboard import settings


def check_address(host: str = settings.HOST, port: int = settings.PORT) -> None:
    """Raise ImproperlyConfigured, in one line that says what to do, where it can't."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            hint = f"Port {port} is in use on {host}. Stop what listens there, or put another into .env, for example PORT={port % 65535 + 1}."
        else:
            hint = f"TokenOS can't listen on {host}, port {port}: {error.strerror or error}. Set HOST and PORT to an address of this machine and a free port."
        raise ImproperlyConfigured(hint) from None


if __name__ == "__main__":
    try:
        check_address()
    except ImproperlyConfigured as error:
        sys.exit(str(error))
