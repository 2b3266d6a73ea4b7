"""gunicorn's configuration: python -m gunicorn -c dashboard/gunicorn.py. Everything an operator may choose is in dashboard/settings.py."""

import logging
import os
import resource
import shutil
import ssl
import sys
import time
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from gunicorn import glogging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

try:
    from dashboard import settings
except ImproperlyConfigured as error:
    sys.exit(str(error))

from dashboard import logs
from dashboard.checks import refuse_mistakes
from dashboard.listening import check_address

logger = logging.getLogger("tokenos.server")


class Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's messages go where all others go."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logs.configure(settings.LOGGING)
        self.error_log.propagate = True


# One open connection is one file descriptor; the rest is for databases, logs and files.
_, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
open_files = 16384 if most_files == resource.RLIM_INFINITY else min(most_files, 16384)
resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, most_files))

wsgi_app = "dashboard.asgi:application"
bind = f"[{settings.HOST}]:{settings.PORT}" if ":" in settings.HOST else f"{settings.HOST}:{settings.PORT}"
workers = settings.WEB_CONCURRENCY
worker_class = "dashboard.worker.Worker"
worker_connections = open_files - 256
asgi_loop = "uvloop"
backlog = 2048
timeout = 30
graceful_timeout = 30
proc_name = "tokenos"

# gunicorn itself believes no proxy, not even one on this machine: dashboard/connection.py decides, by TRUSTED_PROXIES.
forwarded_allow_ips = ""
control_socket_disable = True

logger_class = Logger
errorlog = None
loglevel = "warning"
accesslog = None

server_pem = settings.DATA_DIR / "tls" / "server.pem"
if settings.TLS:
    certfile = keyfile = str(server_pem)

metrics_dir = settings.DATA_DIR / "run" / "metrics"
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_dir)


class ServerContext:
    """The TLS context, built anew when the file changes, so that a renewed certificate is taken up by the next connection."""

    def __init__(self) -> None:
        self.context: ssl.SSLContext | None = None
        self.stamp: tuple[int, int] | None = None
        self.looked = 0.0

    def get(self) -> ssl.SSLContext:
        now = time.monotonic()
        if self.context is None or now - self.looked > 1:
            self.looked = now
            try:
                self.reload()
            except (OSError, ssl.SSLError):
                # An operator's half-replaced file: go on with the old one.
                if self.context is None:
                    raise
                logger.exception("%s can't be used. The certificate before it stays in use.", server_pem)
        assert self.context is not None
        return self.context

    def reload(self) -> None:
        found = server_pem.stat()
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp == self.stamp:
            return
        self.stamp = stamp
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(server_pem)
        self.context = context


_context = ServerContext()


def ssl_context(_conf: Any, _default: Any) -> ssl.SSLContext:
    """Called for each connection."""
    return _context.get()


def on_starting(_server: Any) -> None:
    """Refuse in one line what gunicorn would answer with retries and tracebacks, or not at all."""
    refuse_mistakes()
    if "GUNICORN_FD" not in os.environ and "LISTEN_FDS" not in os.environ:
        try:
            check_address()
        except ImproperlyConfigured as error:
            sys.exit(str(error))
    try:
        shutil.rmtree(metrics_dir, ignore_errors=True)
        metrics_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if settings.TLS:
            _context.get()
    except FileNotFoundError as error:
        sys.exit(f"{error.filename or server_pem} is missing. Run “make setup”, which makes it.")
    except ssl.SSLError:
        sys.exit(f"{server_pem} must hold a private key and its certificate in PEM. Correct it, or remove it and run “make setup” to have a new one made.")
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}. TokenOS must be able to write there; see DATA_DIR.")


def when_ready(server: Any) -> None:
    logger.info("Listening on %s with %s workers.", ", ".join(map(str, server.LISTENERS)), settings.WEB_CONCURRENCY)


def post_worker_init(_worker: Any) -> None:
    from dashboard import background
    from oauth import asgi

    asgi.start()
    background.start()


def worker_exit(_server: Any, _worker: Any) -> None:
    from dashboard import background

    background.stop()


def child_exit(_server: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    from dashboard.worker import forget

    forget(worker)
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
