"""The server's address is bound before the server starts, but it only listens once a worker can answer. Until then, connections are refused at once, so that
callers and load balancers try another node instead of waiting.

Also run as “python -m dashboard.server.listening” before make run prints where to sign in.
"""

import errno
import os
import socket
import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from gunicorn.sock import TCP6Socket, TCPSocket, UnixSocket

from dashboard import settings
from dashboard.instance.environment import is_socket
from dashboard.server.unsent import PART


class _Bound:
    """A mixin for gunicorn's sockets, which would otherwise listen as soon as they are made."""

    cfg_addr: tuple[str, int]

    def set_options(self, sock: socket.socket, bound: bool = False) -> socket.socket:  # noqa: ARG002, FBT001, FBT002  # gunicorn's signature
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(self.cfg_addr)
        sock.settimeout(0)
        sock.set_inheritable(True)
        return sock


class _BoundSocket(_Bound, TCPSocket):  # type: ignore[misc]  # gunicorn has no types
    pass


class _BoundSocket6(_Bound, TCP6Socket):  # type: ignore[misc]
    pass


class _BoundUnixSocket(UnixSocket):  # type: ignore[misc]
    """Only its owner and group can connect, because everybody who can is trusted as a proxy."""

    def set_options(self, sock: socket.socket, bound: bool = False) -> socket.socket:  # noqa: ARG002, FBT001, FBT002  # gunicorn's signature
        before = os.umask(0o117)
        try:
            sock.bind(self.cfg_addr)
        finally:
            os.umask(before)
        sock.settimeout(0)
        sock.set_inheritable(True)
        return sock


def bind(cfg: Any, log: Any, host: str = settings.HOST, port: int = settings.PORT) -> list[Any]:
    """The sockets that gunicorn's master uses as its LISTENERS; a worker makes them listen. Raise ImproperlyConfigured like check_address."""
    check_address(host, port)
    if is_socket(host):
        # This removes the socket of a killed server.
        return [_BoundUnixSocket(host.removeprefix("unix:"), cfg, log)]
    return [(_BoundSocket6 if ":" in host else _BoundSocket)((host, port), cfg, log)]


def listen(sock: socket.socket, backlog: int) -> bool:
    """Return False if it already listens: a socket passed on by another process may, and listening again can be forbidden (SELinux). Raise OSError."""
    if sock.family != socket.AF_UNIX:
        # The kernel's buffer per connection. We keep and count the rest, see dashboard.server.unsent.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 2 * PART)
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return False
    sock.listen(backlog)
    return True


def check_address(host: str = settings.HOST, port: int = settings.PORT) -> None:
    """Raise ImproperlyConfigured, with one line that says what to do, if the server can't listen there."""
    if is_socket(host):
        _check_socket(Path(host.removeprefix("unix:")))
        return
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            hint = f"Port {port} is in use on {host}. Stop the program that uses it, or set another port in .env, for example PORT={port % 65535 + 1}."
        else:
            hint = f"TokenOS can't listen on {host}, port {port}: {error.strerror or error}. Set HOST and PORT to an address of this machine and a free port."
        raise ImproperlyConfigured(hint) from None


def _check_socket(path: Path) -> None:
    hint = ""
    try:
        if not path.exists():
            if not os.access(path.parent, os.W_OK | os.X_OK):
                hint = f"TokenOS can't make a socket in {path.parent}. Create that folder and let the user that runs TokenOS write to it, or change HOST."
        elif not path.is_socket():
            hint = f"{path} exists but isn't a socket. Remove it, or set HOST to another path."
        else:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))
            hint = f"{path} is in use. Stop the program that uses it, or set HOST to another path."
    except ConnectionRefusedError:
        # The process that was listening has ended.
        return
    except OSError as error:
        hint = f"TokenOS can't use {path}: {error.strerror or error}. Set HOST to a path where the user that runs TokenOS can make a socket."
    if hint:
        raise ImproperlyConfigured(hint)


if __name__ == "__main__":
    try:
        check_address()
    except ImproperlyConfigured as error:
        sys.exit(str(error))
