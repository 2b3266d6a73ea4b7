"""Workspaces, clients, and what happened to them."""

from datetime import timedelta
from operator import attrgetter

from django.contrib import admin
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from clients.models import Audience, AuditEvent, Client, Scope, Workspace
from clients.outcomes import GRANTED
from clients.services.clients import disable_client, enable_client
from dashboard.admin.confirmation import Confirmation, confirm
from dashboard.admin.credentials import count_usable, describe_use, find_last_use
from dashboard.admin.read_only import ReadOnlyAdmin, WorkspaceFilter, choose
from dashboard.people.caller import actor_of

TARGET_TYPES = ("client", "secret", "workspace", "scope", "audience", "user", "signing_key", "token", "public_key", "certificate", "hand_over")


@admin.register(Workspace)
class WorkspaceAdmin(ReadOnlyAdmin):
    list_display = ("slug", "name", "created_at")
    list_filter = ("created_at",)
    find_by = ("slug",)
    search_fields = ("slug__icontains", "name__icontains")
    search_help_text = "Search by part of slug or name."
    audit_target = ("workspace", attrgetter("slug"))


@admin.register(Scope)
class ScopeAdmin(ReadOnlyAdmin):
    list_display = ("name", "workspace", "description", "is_built_in")
    list_filter = ("is_built_in", WorkspaceFilter)
    list_select_related = ("workspace",)
    find_by = ("workspace__slug",)
    search_fields = ("name__icontains", "description__icontains")
    search_help_text = "Search by workspace slug, or by part of name or description."


@admin.register(Audience)
class AudienceAdmin(ReadOnlyAdmin):
    """The owners of audiences. manage.py hand_over_audience changes them."""

    list_display = ("uri", "workspace", "created_at")
    list_filter = (WorkspaceFilter, "created_at")
    list_select_related = ("workspace",)
    find_by = ("workspace__slug",)
    search_fields = ("uri__icontains", "key__icontains")
    search_help_text = "Search by workspace slug, or by part of the URI."
    audit_target = ("audience", attrgetter("uri"))


@admin.register(Client)
class ClientAdmin(ReadOnlyAdmin):
    list_display = ("name", "client_id", "workspace", "environment", "status", "created_at")
    list_filter = ("status", "environment", WorkspaceFilter, "created_at")
    list_select_related = ("workspace",)
    find_by = ("client_id", "secrets__secret_id", "certificates__thumbprint")
    search_fields = ("public_keys__kid__exact", "name__icontains")
    search_help_text = "Search by client ID, by the ID of a secret, public key or certificate, or by part of the name."
    audit_target = ("client", attrgetter("client_id"))
    actions = ("disable_clients", "enable_clients")

    def offers(self, action: str, row: Client) -> bool:
        return (action == "disable_clients") == (row.status == Client.Status.ENABLED)

    @admin.action(description="Disable…")
    def disable_clients(self, request: HttpRequest, queryset: QuerySet[Client]) -> HttpResponse | None:
        now = timezone.now()

        def explain(client: Client) -> list[str]:
            if client.status == Client.Status.DISABLED:
                return ["It is already disabled. Nothing changes."]
            granted = client.usage.filter(hour__gte=now - timedelta(hours=24), outcome=GRANTED).aggregate(sum=Sum("count"))["sum"] or 0
            return [
                "It gets no more tokens, and all its tokens stop working at once.",
                f"{describe_use(find_last_use(client), now)} {granted:,} of its requests were granted in the last 24 hours.",
                "Credentials and settings stay. Enabling it brings everything back.",
            ]

        confirmation = Confirmation(
            action="disable_clients",
            question="Disable these clients?",
            submit="Disable",
            explain=explain,
            act=lambda client: disable_client(client=client, actor=actor_of(request), now=now),
            done="Disabled: {count}. They get no tokens, and their existing tokens don't work.",
        )
        return confirm(self, request, queryset, confirmation)

    @admin.action(description="Enable…")
    def enable_clients(self, request: HttpRequest, queryset: QuerySet[Client]) -> HttpResponse | None:
        now = timezone.now()

        def explain(client: Client) -> list[str]:
            if client.status == Client.Status.ENABLED:
                return ["It is already enabled. Nothing changes."]
            usable = count_usable(client, now)
            if not usable:
                return ["It will be enabled, but no usable secret, public key or certificate is registered. Its unexpired tokens work again."]
            return [f"It can get tokens again, with {usable}. Its unexpired tokens work again."]

        confirmation = Confirmation(
            action="enable_clients",
            question="Enable these clients?",
            submit="Enable",
            explain=explain,
            act=lambda client: enable_client(client=client, actor=actor_of(request), now=now),
            done="Enabled: {count}. They can get tokens again.",
        )
        return confirm(self, request, queryset, confirmation)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "event", "target_id", "actor", "of_workspace", "address")
    list_filter = (choose("target_type", *TARGET_TYPES), WorkspaceFilter, "created_at")
    list_select_related = ("workspace",)
    search_fields = ("request_id__exact", "actor__icontains", "event__icontains")
    search_help_text = "Search by the ID of what was changed, by request ID, by a removed workspace's slug, or by part of actor or event."

    def exact_matches(self, term: str) -> list[Q]:
        # The index begins with the type.
        return [Q(target_type__in=TARGET_TYPES, target_id=term), Q(workspace_slug=term)]

    @admin.display(description="workspace", ordering="workspace")
    def of_workspace(self, event: AuditEvent) -> str | None:
        if event.workspace is not None:
            return event.workspace.slug
        return f"{event.workspace_slug} (removed)" if event.workspace_slug else None
