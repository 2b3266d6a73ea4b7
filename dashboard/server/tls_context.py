"""The context of gunicorn's own TLS: the server's certificate, and the client certificates that a handshake lets through. RFC 8705 §2.

A client certificate is requested but never required, and only requested if one could be valid, so browsers don't notice. The operator's client CAs are trusted.
A registered certificate passes by itself, see dashboard/server/presented_certificate.py. No list of CA names is sent. oauth/mtls.py decides at each request
whether a certificate is valid for a client: a handshake only proves possession of its key, so an expired or revoked certificate still passes for a while and
gets a response that says so. A certificate that is neither registered nor issued by a trusted CA fails the handshake, see dashboard/server/handshake.py.

One thread of each worker reads the database and the files, so a new connection only uses data that has been read. If the CAs or server.pem change, a new
context is made.
"""

import logging
import ssl
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from dashboard.server.handshake import HandshakeContext
from dashboard.server.openssl import limit_groups
from dashboard.server.presented_certificate import ClientCertificateContext
from oauth.patience import PAGE_STATEMENT, patience

logger = logging.getLogger("tokenos.server")

POLLING = 0.5

# A client's certificate still passes a handshake for this long after it has expired or was revoked.
KEPT = timedelta(days=30)

# Seconds for which a worker waits for the certificates before it serves, and for its thread before it ends.
STARTING, STOPPING = 10, 2

# Thumbprint → PEM.
Authorities = Mapping[str, str]


class ServerContext:
    """The context of new connections. A context that trusts nothing requests no certificate."""

    def __init__(self, server_pem: Path) -> None:
        self.server_pem = server_pem
        self.context: ssl.SSLContext | None = None
        self._made_of: tuple[Any, ...] | None = None
        self._looked: tuple[Any, ...] | None = None
        self._found: tuple[Authorities, frozenset[str]] = ({}, frozenset())
        self._is_failing = False
        self._began = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def check(self) -> None:
        """Raise OSError or ssl.SSLError if the server's certificate can't be used. It is for gunicorn's master, which doesn't serve."""
        self._build({}, frozenset())

    def start(self) -> None:
        """Start this worker's thread. Call it after the fork, because threads don't survive a fork."""
        self._thread = threading.Thread(target=self._watch, name="tls", daemon=True)
        self._thread.start()
        self._began.wait(STARTING)

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOPPING)

    def get(self) -> ssl.SSLContext:
        """Called for each connection."""
        if self.context is None:
            self.load({}, frozenset())
        assert self.context is not None
        return self.context

    def load(self, authorities: Authorities, registered: frozenset[str]) -> None:
        """Let the registered certificates and those issued by the CAs pass, and serve the current server.pem. Raise OSError or ssl.SSLError if it can't be
        used.

        registered: thumbprints.
        """
        found = self.server_pem.stat()
        made_of = (found.st_mtime_ns, found.st_ino, authorities.keys(), bool(authorities or registered))
        if self.context is None or made_of != self._made_of:
            self.context, self._made_of = self._build(authorities, registered), made_of
        elif isinstance(self.context, ClientCertificateContext):
            self.context.registered = registered

    def _build(self, authorities: Authorities, registered: frozenset[str]) -> ssl.SSLContext:
        context = (ClientCertificateContext if authorities or registered else HandshakeContext)(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        limit_groups(context, asks_certificates=isinstance(context, ClientCertificateContext))
        context.load_cert_chain(self.server_pem)
        if isinstance(context, ClientCertificateContext):
            context.ask(registered)
            _trust(context, authorities)
        return context

    def _watch(self) -> None:
        from django.db import connections

        # A hanging database must not block the next attempt.
        patience().statement = PAGE_STATEMENT
        self._refresh()
        self._began.set()
        while not self._stopping.wait(POLLING):
            self._refresh()
        connections.close_all()

    def _refresh(self) -> None:
        """A failure is logged once and tried again. Meanwhile the context stays as it is."""
        from django.db import close_old_connections
        from django.utils import timezone

        try:
            self.load(*self._find_passing(timezone.now()))
        except (OSError, ssl.SSLError) as error:
            # The operator may be replacing the file.
            self._log(error, f"{self.server_pem} can't be used. The previous certificate stays in use.")
        except Exception as error:  # noqa: BLE001  # otherwise one failed query would end the thread
            self._log(error, "The clients' certificates can't be looked up. The known ones stay in use.")
            close_old_connections()
        else:
            self._is_failing = False

    def _log(self, error: Exception, message: str) -> None:
        if not self._is_failing:
            logger.error(message, exc_info=error)
        self._is_failing = True

    def _find_passing(self, now: datetime) -> tuple[Authorities, frozenset[str]]:
        """The CAs, and the thumbprints of registered certificates. One short query if nothing has changed. Raise DatabaseError."""
        from django.db.models import Count, Max, Q

        from clients.certificate import x5t_s256
        from clients.models import ClientCertificate
        from oauth.client_ca import client_cas

        ended = now - KEPT
        passing = ClientCertificate.objects.filter(Q(revoked_at__isnull=True) | Q(revoked_at__gt=ended), expires_at__gt=ended)
        authorities = client_cas()
        looked = (passing.aggregate(newest=Max("pk"), count=Count("pk")), authorities)
        if looked != self._looked:
            self._found = (
                {x5t_s256(authority.public_bytes(Encoding.DER)): authority.public_bytes(Encoding.PEM).decode() for authority in authorities.certificates},
                frozenset(passing.values_list("thumbprint", flat=True)),
            )
            self._looked = looked
        return self._found


def _trust(context: ssl.SSLContext, authorities: Authorities) -> None:
    """Load the CAs one by one, so that one that OpenSSL refuses doesn't keep out the others."""
    for thumbprint, pem in authorities.items():
        try:
            context.load_verify_locations(cadata=pem)
        except (ssl.SSLError, ValueError):
            logger.exception("The CA with the certificate %s in client-ca.pem can't be trusted for TLS.", thumbprint)
