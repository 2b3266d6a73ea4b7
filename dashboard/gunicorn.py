"""gunicorn's configuration: python -m gunicorn -c dashboard/gunicorn.py. The operator's choices are in dashboard/settings.py."""

import gc
import logging
import os
import resource
import signal
import ssl
import sys
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from gunicorn import glogging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

try:
    from dashboard import settings
except ImproperlyConfigured as error:
    sys.exit(str(error))

from dashboard.instance import logs
from dashboard.instance.checks import refuse_mistakes
from dashboard.instance.environment import is_socket
from dashboard.server.listening import bind as bind_address
from dashboard.server.memory import find_most_connections, give_back
from dashboard.server.tls_context import ServerContext

logger = logging.getLogger("tokenos.server")


class Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """Sends gunicorn's messages to the same place as all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logs.configure(settings.LOGGING)
        self.error_log.propagate = True


# One open connection is one file descriptor. The remaining descriptors are for databases, logs and files.
_, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
open_files = 16384 if most_files == resource.RLIM_INFINITY else min(most_files, 16384)
resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, most_files))

wsgi_app = "dashboard.asgi:application"
# The master loads the application before it listens. So a worker is a fork that serves within a tenth of a second, even if it replaces another one or if the
# disk is gone.
preload_app = True
bind = settings.HOST if is_socket(settings.HOST) else f"[{settings.HOST}]:{settings.PORT}" if ":" in settings.HOST else f"{settings.HOST}:{settings.PORT}"
workers = settings.WEB_CONCURRENCY
worker_class = "dashboard.server.worker.Worker"
worker_connections = min(open_files - 256, find_most_connections(workers) or open_files)
asgi_loop = "uvloop"
backlog = 2048
timeout = 30
graceful_timeout = 30
proc_name = "tokenos"

# gunicorn itself trusts no proxy, not even on this machine: dashboard/server/connection.py decides by TRUSTED_PROXIES.
forwarded_allow_ips = ""
control_socket_disable = True

logger_class = Logger
errorlog = None
loglevel = "warning"
accesslog = None

server_pem = settings.DATA_DIR / "tls" / "server.pem"
if settings.TLS:
    certfile = keyfile = str(server_pem)


_context = ServerContext(server_pem)


def ssl_context(_conf: Any, _default: Any) -> ssl.SSLContext:
    """Called for each connection."""
    return _context.get()


def on_starting(server: Any) -> None:
    """Refuse mistakes with one line. gunicorn would report them with retries and tracebacks, or not at all."""
    give_back()
    refuse_mistakes()
    if "GUNICORN_FD" not in os.environ and "LISTEN_FDS" not in os.environ:
        try:
            server.LISTENERS = bind_address(server.cfg, server.log)
        except ImproperlyConfigured as error:
            sys.exit(str(error))
    try:
        if settings.TLS:
            _context.check()
    except FileNotFoundError as error:
        sys.exit(f"{error.filename or server_pem} is missing. Run “make setup” to create it.")
    except ssl.SSLError:
        sys.exit(f"{server_pem} must contain a private key and its certificate in PEM. Correct it, or remove it and run “make setup” to create a new one.")
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}. TokenOS must be able to write there; see DATA_DIR.")


def when_ready(_server: Any) -> None:
    # Loaded objects stay. Workers share their memory until somebody writes to it, as garbage collection would.
    gc.collect()
    gc.freeze()


def on_exit(_server: Any) -> None:
    """Called after the last worker has ended."""
    logger.info("Stopped.")


def pre_fork(_server: Any, worker: Any) -> None:
    from dashboard.server.places import take_place

    take_place(worker)


def post_fork(server: Any, worker: Any) -> None:
    """Handle a termination signal that came just after the fork: the master's handler is still installed and only queues it, and a worker doesn't read the
    queue.

    A worker that missed it would keep the master waiting for the whole graceful_timeout. No request has begun yet, so from here on the signal may simply end
    the worker.
    """
    ending = (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT)
    for number in ending:
        signal.signal(number, signal.SIG_DFL)
    while not server.SIG_QUEUE.empty():
        if server.SIG_QUEUE.get_nowait() in ending:
            sys.exit(0)
    from oauth import metrics

    metrics.take_place(worker.place)


def post_worker_init(_worker: Any) -> None:
    from dashboard import background
    from oauth import asgi

    asgi.start()
    background.start()
    if settings.TLS:
        _context.start()
    # Loaded objects live as long as the worker. Searching all of them for garbage would occasionally delay a request by 60 ms.
    gc.collect()
    gc.freeze()


def worker_exit(_server: Any, worker: Any) -> None:
    from dashboard import background

    _context.stop()
    background.stop()
    readers = getattr(worker, "readers", None)
    if readers is not None and readers.is_reading:
        # Otherwise Python would make OpenSSL free memory that the thread is using.
        logging.shutdown()
        os._exit(0)


def child_exit(_server: Any, worker: Any) -> None:
    from dashboard.server.places import forget

    forget(worker)
