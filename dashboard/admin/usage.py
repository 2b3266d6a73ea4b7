"""Usage: what clients requested, from where, and with which outcome."""

from django.contrib import admin
from django.db.models import Q

from clients.models import AddressUse, ClientActivity, HandOver, RecordedRequest, ResponseTime, ScopeUse, TokenCount, UsageBucket, UsageSummary, WorkspaceUsage
from dashboard.admin.read_only import ReadOnlyAdmin, WorkspaceFilter, choose

ENDPOINTS = ("token", "introspection", "revocation", "api", "gateway")


@admin.register(UsageBucket)
class UsageBucketAdmin(ReadOnlyAdmin):
    list_display = ("hour", "client", "credential", "endpoint", "outcome", "count")
    list_filter = (choose("endpoint", *ENDPOINTS), "hour")
    list_select_related = ("client",)
    find_by = ("client__client_id",)
    search_fields = ("client__client_id__exact",)
    search_help_text = "Search by client ID, or by the ID of a secret, public key or certificate."

    def exact_matches(self, term: str) -> list[Q]:
        # The index begins with the client. For the names of the kinds, see oauth.registration.
        return [
            *super().exact_matches(term),
            Q(client__secrets__secret_id=term, credential=term),
            Q(client__public_keys__kid=term, credential=f"key:{term}"),
            Q(client__certificates__thumbprint=term, credential=f"certificate:{term}"),
        ]


@admin.register(RecordedRequest)
class RecordedRequestAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "reason", "client", "status", "endpoint", "request_id", "error", "address")
    list_filter = (choose("endpoint", *ENDPOINTS), choose("status", "200", "400", "401", "403", "405", "413", "429", "503"), WorkspaceFilter, "created_at")
    list_select_related = ("client",)
    find_by = ("request_id", "client__client_id")
    search_fields = ("named_client_id__exact", "named_secret_id__exact", "reason__exact")
    search_help_text = "Search by request ID, client ID, secret ID, or reason."


class _OfClient(ReadOnlyAdmin):
    list_select_related = ("client",)
    find_by = ("client__client_id",)
    search_fields = ("client__client_id__exact",)
    search_help_text = "Search by client ID."


@admin.register(AddressUse)
class AddressUseAdmin(_OfClient):
    list_display = ("day", "client", "credential", "address", "count", "last_used_at")
    list_filter = ("day",)


@admin.register(ScopeUse)
class ScopeUseAdmin(_OfClient):
    list_display = ("day", "client", "scope", "granted", "asked")
    list_filter = ("day",)


@admin.register(TokenCount)
class TokenCountAdmin(_OfClient):
    list_display = ("expires_at", "client", "credential", "count")
    list_filter = ("expires_at",)


@admin.register(ClientActivity)
class ClientActivityAdmin(_OfClient):
    list_display = ("client", "granted_24h", "refused_24h", "last_used_at", "last_used_from")
    list_filter = (WorkspaceFilter, "last_used_at")


@admin.register(HandOver)
class HandOverAdmin(_OfClient):
    list_display = ("client", "recipient", "created_at", "expires_at", "opened_at", "used_at", "withdrawn_at")
    list_filter = ("created_at",)
    fields = (
        "client",
        "recipient",
        "secret_lifetime",
        "created_at",
        "created_by",
        "expires_at",
        "opened_at",
        "used_at",
        "used_from",
        "credential",
        "withdrawn_at",
    )
    secret_fields = ("token_digest",)


@admin.register(WorkspaceUsage)
class WorkspaceUsageAdmin(ReadOnlyAdmin):
    list_display = ("hour", "workspace", "environment", "endpoint", "outcome", "count")
    list_filter = (WorkspaceFilter, "environment", choose("endpoint", *ENDPOINTS), "hour")
    list_select_related = ("workspace",)
    find_by = ("workspace__slug",)
    search_fields = ("workspace__slug__icontains",)
    search_help_text = "Search by workspace slug."


@admin.register(UsageSummary)
class UsageSummaryAdmin(ReadOnlyAdmin):
    list_display = ("made_at", "workspace", "environment", "period")
    list_filter = (WorkspaceFilter, "environment", "made_at")
    list_select_related = ("workspace",)
    find_by = ("workspace__slug",)
    search_fields = ("workspace__slug__icontains",)
    search_help_text = "Search by workspace slug."


@admin.register(ResponseTime)
class ResponseTimeAdmin(ReadOnlyAdmin):
    list_display = ("slot", "endpoint", "limit_ms", "is_failure", "count")
    list_filter = (choose("endpoint", *ENDPOINTS), "is_failure", "slot")
    search_fields = ("endpoint__exact",)
    search_help_text = "Search by endpoint."
