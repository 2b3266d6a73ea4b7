"""Workspaces, clients, secrets, and what happened to them."""

from datetime import datetime, timedelta
from operator import attrgetter

from django.contrib import admin
from django.db.models import Max, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.timesince import timesince

from clients.models import AuditEvent, Client, ClientSecret, FailedRequest, Scope, UsageBucket, Workspace
from clients.services.clients import disable_client, enable_client
from clients.services.credentials import revoke_secret
from clients.services.usage import GRANTED
from dashboard.admin.confirmation import Confirmation, confirm
from dashboard.admin.read_only import ReadOnlyAdmin, WorkspaceFilter, choose
from dashboard.caller import actor_of

ENDPOINTS = ("token", "introspection", "revocation", "api", "gateway")
TARGET_TYPES = ("client", "secret", "workspace", "scope", "user", "signing_key", "token", "public_key", "certificate")


def _describe_use(last_used_at: datetime | None, now: datetime) -> str:
    return f"Last used {timesince(last_used_at, now)} ago." if last_used_at else "Never used so far."


def _count_secrets(secrets: QuerySet[ClientSecret]) -> str:
    count = secrets.count()
    return "1 usable secret" if count == 1 else f"{count or 'no'} usable secrets"


@admin.register(Workspace)
class WorkspaceAdmin(ReadOnlyAdmin):
    list_display = ("slug", "name", "created_at")
    list_filter = ("created_at",)
    find_by = ("slug",)
    search_fields = ("slug__icontains", "name__icontains")
    search_help_text = "Search by a part of slug or name."
    audit_target = ("workspace", attrgetter("slug"))


@admin.register(Scope)
class ScopeAdmin(ReadOnlyAdmin):
    list_display = ("name", "workspace", "description", "is_built_in")
    list_filter = ("is_built_in", WorkspaceFilter)
    list_select_related = ("workspace",)
    find_by = ("workspace__slug",)
    search_fields = ("name__icontains", "description__icontains")
    search_help_text = "Search by workspace slug, or by a part of name or description."


@admin.register(Client)
class ClientAdmin(ReadOnlyAdmin):
    list_display = ("name", "client_id", "workspace", "environment", "status", "created_at")
    list_filter = ("status", "environment", WorkspaceFilter, "created_at")
    list_select_related = ("workspace",)
    find_by = ("client_id", "secrets__secret_id")
    search_fields = ("name__icontains",)
    search_help_text = "Search by client ID, secret ID, or a part of the name."
    audit_target = ("client", attrgetter("client_id"))
    actions = ("disable_clients", "enable_clients")

    def offers(self, action: str, row: Client) -> bool:
        return (action == "disable_clients") == (row.status == Client.Status.ENABLED)

    @admin.action(description="Disable…")
    def disable_clients(self, request: HttpRequest, queryset: QuerySet[Client]) -> HttpResponse | None:
        now = timezone.now()

        def explain(client: Client) -> list[str]:
            if client.status == Client.Status.DISABLED:
                return ["It is disabled already. Nothing changes."]
            last = client.secrets.aggregate(last=Max("last_used_at"))["last"]
            granted = client.usage.filter(hour__gte=now - timedelta(hours=24), outcome=GRANTED).aggregate(sum=Sum("count"))["sum"] or 0
            return [
                "It gets no more tokens, and every token that it has stops working at once.",
                f"{_describe_use(last, now)} {granted:,} of its requests were granted in the last 24 hours.",
                "Secrets and settings stay. Enabling it brings everything back.",
            ]

        confirmation = Confirmation(
            action="disable_clients",
            question="Disable these clients?",
            submit="Disable",
            explain=explain,
            act=lambda client: disable_client(client=client, actor=actor_of(request), now=now),
            done="Disabled: {count}. They get no tokens, and those that they had don't work.",
        )
        return confirm(self, request, queryset, confirmation)

    @admin.action(description="Enable…")
    def enable_clients(self, request: HttpRequest, queryset: QuerySet[Client]) -> HttpResponse | None:
        now = timezone.now()

        def explain(client: Client) -> list[str]:
            if client.status == Client.Status.ENABLED:
                return ["It is enabled already. Nothing changes."]
            usable = _count_secrets(ClientSecret.objects.usable(now).filter(client=client))
            return [f"It can get tokens again, with {usable}. Tokens from before that have not expired work again."]

        confirmation = Confirmation(
            action="enable_clients",
            question="Enable these clients?",
            submit="Enable",
            explain=explain,
            act=lambda client: enable_client(client=client, actor=actor_of(request), now=now),
            done="Enabled: {count}. They can get tokens again.",
        )
        return confirm(self, request, queryset, confirmation)


class SecretStateFilter(admin.SimpleListFilter):
    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[ClientSecret]") -> list[tuple[str, str]]:  # noqa: ARG002  # Django's signature
        return [("usable", "usable"), ("expired", "expired"), ("revoked", "revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ClientSecret]) -> QuerySet[ClientSecret]:  # noqa: ARG002  # Django's signature
        now = timezone.now()
        if self.value() == "usable":
            return queryset.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), revoked_at__isnull=True)
        if self.value() == "expired":
            return queryset.filter(expires_at__lte=now, revoked_at__isnull=True)
        return queryset.filter(revoked_at__isnull=False) if self.value() == "revoked" else queryset


@admin.register(ClientSecret)
class ClientSecretAdmin(ReadOnlyAdmin):
    list_display = ("secret_id", "name", "client", "state", "expires_at", "last_used_at", "created_at")
    list_filter = (SecretStateFilter, "created_at")
    list_select_related = ("client",)
    readonly_fields = ("state",)
    secret_fields = ("hash", "digest")
    find_by = ("secret_id", "client__client_id")
    search_fields = ("secret_id__exact",)
    search_help_text = "Search by secret ID or client ID."
    audit_target = ("secret", attrgetter("secret_id"))
    actions = ("revoke_secrets",)

    def offers(self, action: str, row: ClientSecret) -> bool:  # noqa: ARG002  # there is but one
        return row.revoked_at is None

    @admin.display
    def state(self, secret: ClientSecret) -> str:
        if secret.revoked_at is not None:
            return "revoked"
        return "usable" if secret.is_usable(timezone.now()) else "expired"

    @admin.action(description="Revoke…")
    def revoke_secrets(self, request: HttpRequest, queryset: QuerySet[ClientSecret]) -> HttpResponse | None:
        now = timezone.now()

        def explain(secret: ClientSecret) -> list[str]:
            if secret.revoked_at is not None:
                return ["It is revoked already. Nothing changes."]
            ends = ["It ends for ever, and every token that it obtained stops working at once.", _describe_use(secret.last_used_at, now)]
            others = ClientSecret.objects.usable(now).filter(client=secret.client_id).exclude(pk=secret.pk)
            if others.exists():
                return [*ends, f"{secret.client} keeps {_count_secrets(others)}."]
            return [*ends, f"{secret.client} has no other usable secret, so it gets no tokens by secret until it has a new one."]

        confirmation = Confirmation(
            action="revoke_secrets",
            question="Revoke these secrets?",
            submit="Revoke",
            explain=explain,
            act=lambda secret: revoke_secret(client=secret.client, secret_id=secret.secret_id, actor=actor_of(request), now=now),
            done="Revoked: {count}. Every token that they obtained has ended too.",
        )
        return confirm(self, request, queryset, confirmation)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "event", "target_id", "actor", "workspace", "address")
    list_filter = (choose("target_type", *TARGET_TYPES), WorkspaceFilter, "created_at")
    list_select_related = ("workspace",)
    search_fields = ("request_id__exact", "actor__icontains", "event__icontains")
    search_help_text = "Search by the ID of what was changed, by request ID, or by a part of actor or event."

    def exact_matches(self, term: str) -> list[Q]:
        # The index begins with the type.
        return [Q(target_type__in=TARGET_TYPES, target_id=term)]


@admin.register(UsageBucket)
class UsageBucketAdmin(ReadOnlyAdmin):
    list_display = ("hour", "client", "credential", "endpoint", "outcome", "count")
    list_filter = (choose("endpoint", *ENDPOINTS), "hour")
    list_select_related = ("client",)
    find_by = ("client__client_id",)
    search_fields = ("client__client_id__exact",)
    search_help_text = "Search by client ID or secret ID."

    def exact_matches(self, term: str) -> list[Q]:
        # The index begins with the client.
        return [*super().exact_matches(term), Q(client__secrets__secret_id=term, credential=term)]


@admin.register(FailedRequest)
class FailedRequestAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "request_id", "endpoint", "status", "error", "reason", "client", "address")
    list_filter = (choose("endpoint", *ENDPOINTS), choose("status", "400", "401", "403", "405", "413", "429", "503"), WorkspaceFilter, "created_at")
    list_select_related = ("client",)
    find_by = ("request_id", "client__client_id")
    search_fields = ("named_client_id__exact", "named_secret_id__exact", "reason__exact")
    search_help_text = "Search by request ID, client ID, secret ID, or reason."
