"""Memberships, invitations, and the instance's own jobs."""

from django.contrib import admin

from dashboard.admin.read_only import ReadOnlyAdmin, WorkspaceFilter
from dashboard.models import AccessPolicy, ExpiryNotice, Invitation, Membership, ScheduledJob, SpentForm


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("user", "workspace", "role", "created_at")
    list_filter = ("role", WorkspaceFilter)
    list_select_related = ("user", "workspace")
    find_by = ("workspace__slug",)
    search_fields = ("user__email__icontains",)
    search_help_text = "Search by workspace slug or by part of the email address."


@admin.register(AccessPolicy)
class AccessPolicyAdmin(ReadOnlyAdmin):
    list_display = ("workspace", "requires_second_factor", "requires_sso", "live_clients_from")
    list_filter = ("requires_second_factor", "requires_sso", "live_clients_from")
    list_select_related = ("workspace",)
    find_by = ("workspace__slug",)
    search_fields = ("workspace__slug__icontains",)
    search_help_text = "Search by workspace slug."


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ("email", "workspace", "role", "created_at", "expires_at", "accepted_at", "withdrawn_at")
    list_filter = ("role", WorkspaceFilter)
    list_select_related = ("workspace",)
    fields = ("workspace", "email", "role", "invited_by", "created_at", "expires_at", "accepted_at", "withdrawn_at")
    secret_fields = ("token_digest",)
    find_by = ("workspace__slug",)
    search_fields = ("email__icontains",)
    search_help_text = "Search by workspace slug or by part of the email address."


@admin.register(ScheduledJob)
class ScheduledJobAdmin(ReadOnlyAdmin):
    list_display = ("name", "next_run_at")
    list_filter = ("next_run_at",)
    search_fields = ("name__icontains",)
    search_help_text = "Search by part of the name."


@admin.register(SpentForm)
class SpentFormAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "user", "made")
    list_filter = ("created_at",)
    list_select_related = ("user",)
    fields = ("user", "made", "created_at")
    search_fields = ("made__exact",)
    search_help_text = "Search by the ID of what was made."


@admin.register(ExpiryNotice)
class ExpiryNoticeAdmin(ReadOnlyAdmin):
    list_display = ("credential", "ends_at", "step", "created_at")
    list_filter = ("ends_at",)
    search_fields = ("credential__icontains",)
    search_help_text = "Search by client ID or by the ID of the credential."
