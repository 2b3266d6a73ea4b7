"""Signing keys, revoked tokens, counted failures, and used JWTs."""

import re
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils import timezone

from dashboard.admin.read_only import ReadOnlyAdmin, filter_by
from oauth.models import FailureCount, ForgottenJWTs, ReplayFloor, RevokedToken, SigningKey, UsedJWT


def _in_state(keys: QuerySet[SigningKey], now: datetime, *, state: str) -> QuerySet[SigningKey]:
    """There are only a few keys a year, so each one's own state can be read."""
    return keys.filter(pk__in=[key.pk for key in SigningKey.objects.all() if key.state(now) == state])


SigningKeyStateFilter = filter_by("state", {state: partial(_in_state, state=state) for state in SigningKey.State.values})


@admin.register(SigningKey)
class SigningKeyAdmin(ReadOnlyAdmin):
    list_display = ("kid", "algorithm", "state", "activates_at", "retires_at", "revoked_at")
    list_filter = (SigningKeyStateFilter, "algorithm")
    readonly_fields = ("state",)
    secret_fields = ("private_key",)
    find_by = ("kid",)
    search_fields = ("kid__icontains",)
    search_help_text = "Search by part of the key ID."
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


def _filter_by_end(name: str, column: str, *, ahead: str, over: str) -> type[admin.SimpleListFilter]:
    """column: seconds since 1970."""
    return filter_by(
        name,
        {
            ahead: lambda rows, now: rows.filter(**{f"{column}__gt": int(now.timestamp())}),
            over: lambda rows, now: rows.filter(**{f"{column}__lte": int(now.timestamp())}),
        },
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@admin.register(FailureCount)
class FailureCountAdmin(ReadOnlyAdmin):
    list_display = ("key", "failures", "window_end")
    list_filter = (_filter_by_end("window", "window_ends", ahead="open", over="over"),)
    fields = readonly_fields = ("key", "failures", "window_end")
    find_by = ("key",)
    search_fields = ("key__exact",)
    search_help_text = "Search by an IP address, or by an IPv6 network's first 16 hexadecimal digits."

    @admin.display
    def window_end(self, count: FailureCount) -> datetime:
        return _moment(count.window_ends)


@admin.register(UsedJWT)
class UsedJWTAdmin(ReadOnlyAdmin):
    list_display = ("key", "expires")
    list_filter = (_filter_by_end("state", "expires_at", ahead="kept", over="over"),)
    fields = readonly_fields = ("key", "expires")
    search_fields = ("key__icontains",)
    search_help_text = "Search by the key: a hash of the assertion’s or proof’s jti and of its issuer."

    def exact_matches(self, term: str) -> list[Q]:
        return [Q(key=int(term))] if re.fullmatch(r"-?[0-9]{1,18}", term) else []

    @admin.display
    def expires(self, used: UsedJWT) -> datetime:
        return _moment(used.expires_at)


@admin.register(ForgottenJWTs)
class ForgottenJWTsAdmin(ReadOnlyAdmin):
    """A time in the future means that a clock was wrong: until then, assertions and proofs that expire before it are refused."""

    list_display = ("id", "marks_removed_up_to")
    list_filter = (_filter_by_end("end", "ends_before", ahead="future", over="past"),)
    fields = readonly_fields = ("marks_removed_up_to",)
    search_fields = ("ends_before__exact",)
    search_help_text = "Search by the time, in seconds since 1970."

    @admin.display
    def marks_removed_up_to(self, forgotten: ForgottenJWTs) -> datetime:
        return _moment(forgotten.ends_before)


FloorFilter = filter_by(
    "floor",
    {
        "yes": lambda floors, now: floors.filter(began_at__gt=0),  # noqa: ARG005  # the same at every moment
        "no": lambda floors, now: floors.filter(began_at=0),  # noqa: ARG005  # as above
    },
)


@admin.register(ReplayFloor)
class ReplayFloorAdmin(ReadOnlyAdmin):
    list_display = ("boot_id", "rejects_jwts_issued_before")
    list_filter = (FloorFilter,)
    fields = readonly_fields = ("boot_id", "rejects_jwts_issued_before")
    find_by = ("boot_id",)
    search_fields = ("boot_id__exact",)
    search_help_text = "Search by boot ID, as in /proc/sys/kernel/random/boot_id."

    @admin.display(description="Rejects JWTs issued before", empty_value="–")
    def rejects_jwts_issued_before(self, floor: ReplayFloor) -> datetime | None:
        """JWTs issued before this time are rejected. None for the first boot, because no mark can have been lost before it."""
        return _moment(floor.began_at) if floor.began_at else None
