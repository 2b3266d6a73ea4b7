"""The tables of workspaces, clients, credentials and scopes, and of everything that happened."""

from clients.models.audience import Audience
from clients.models.audit import AuditEvent
from clients.models.client import Client
from clients.models.credentials import ClientCertificate, ClientPublicKey, ClientSecret
from clients.models.hand_over import HandOver
from clients.models.usage import AddressUse, ClientActivity, RecordedRequest, ResponseTime, ScopeUse, TokenCount, UsageBucket, UsageSummary, WorkspaceUsage
from clients.models.workspace import Scope, Workspace

__all__ = [
    "AddressUse",
    "Audience",
    "AuditEvent",
    "Client",
    "ClientActivity",
    "ClientCertificate",
    "ClientPublicKey",
    "ClientSecret",
    "HandOver",
    "RecordedRequest",
    "ResponseTime",
    "Scope",
    "ScopeUse",
    "TokenCount",
    "UsageBucket",
    "UsageSummary",
    "Workspace",
    "WorkspaceUsage",
]
