"""Signing keys, revoked tokens and counted failures."""

from datetime import UTC, datetime
from operator import attrgetter

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from dashboard.admin.read_only import ReadOnlyAdmin
from oauth.models import FailureCount, RevokedToken, SigningKey


class SigningKeyStateFilter(admin.SimpleListFilter):
    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[SigningKey]") -> list[tuple[str, str]]:  # noqa: ARG002  # Django's signature
        return [(str(state), str(state)) for state in SigningKey.State.values]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SigningKey]) -> QuerySet[SigningKey]:  # noqa: ARG002  # Django's signature
        """There are a few keys a year, so each can say its state itself."""
        if not self.value():
            return queryset
        now = timezone.now()
        return queryset.filter(pk__in=[key.pk for key in SigningKey.objects.all() if key.state(now) == self.value()])


@admin.register(SigningKey)
class SigningKeyAdmin(ReadOnlyAdmin):
    list_display = ("kid", "algorithm", "state", "activates_at", "retires_at", "revoked_at")
    list_filter = (SigningKeyStateFilter, "algorithm")
    readonly_fields = ("state",)
    secret_fields = ("private_key",)
    find_by = ("kid",)
    search_fields = ("kid__icontains",)
    search_help_text = "Search by a part of the key ID."
    audit_target = ("signing_key", attrgetter("kid"))

    @admin.display
    def state(self, key: SigningKey) -> str:
        return key.state(timezone.now())


@admin.register(RevokedToken)
class RevokedTokenAdmin(ReadOnlyAdmin):
    list_display = ("jti", "client", "revoked_at", "expires_at")
    list_filter = ("revoked_at", "expires_at")
    list_select_related = ("client",)
    find_by = ("jti", "client__client_id")
    search_fields = ("jti__exact",)
    search_help_text = "Search by the token's jti or by client ID."
    audit_target = ("token", attrgetter("jti"))


class WindowFilter(admin.SimpleListFilter):
    title = parameter_name = "window"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[FailureCount]") -> list[tuple[str, str]]:  # noqa: ARG002  # Django's signature
        return [("open", "open"), ("over", "over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[FailureCount]) -> QuerySet[FailureCount]:  # noqa: ARG002  # Django's signature
        is_open = Q(window_ends__gt=int(timezone.now().timestamp()))
        return queryset if not self.value() else queryset.filter(is_open if self.value() == "open" else ~is_open)


@admin.register(FailureCount)
class FailureCountAdmin(ReadOnlyAdmin):
    list_display = ("key", "failures", "window_end")
    list_filter = (WindowFilter,)
    fields = readonly_fields = ("key", "failures", "window_end")
    find_by = ("key",)
    search_fields = ("key__exact",)
    search_help_text = "Search by an IP address, or by an IPv6 network's first 16 hexadecimal digits."

    @admin.display
    def window_end(self, count: FailureCount) -> datetime:
        return datetime.fromtimestamp(count.window_ends, UTC)
