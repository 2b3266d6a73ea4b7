"""Tables of what is true: who may authenticate, with what, for which scopes, and what happened."""

from clients.models.audit import AuditEvent
from clients.models.client import Client
from clients.models.credentials import ClientCertificate, ClientPublicKey, ClientSecret
from clients.models.usage import FailedRequest, UsageBucket
from clients.models.workspace import Scope, Workspace

__all__ = ["AuditEvent", "Client", "ClientCertificate", "ClientPublicKey", "ClientSecret", "FailedRequest", "Scope", "UsageBucket", "Workspace"]
