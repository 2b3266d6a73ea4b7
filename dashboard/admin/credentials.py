"""Secrets, public keys and certificates of clients."""

from datetime import datetime
from operator import attrgetter
from typing import Any

from django.contrib import admin
from django.db.models import Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.text import get_text_list
from django.utils.timesince import timesince

from clients.models import Client, ClientCertificate, ClientPublicKey, ClientSecret
from clients.services.credentials import revoke_secret
from dashboard.admin.confirmation import Confirmation, confirm
from dashboard.admin.read_only import ReadOnlyAdmin
from dashboard.caller import actor_of


def describe_use(last_used_at: datetime | None, now: datetime) -> str:
    return f"Last used {timesince(last_used_at, now)} ago." if last_used_at else "Never used so far."


def find_last_use(client: Client) -> datetime | None:
    last = (credentials.aggregate(last=Max("last_used_at"))["last"] for credentials in _credentials_of(client).values())
    return max(filter(None, last), default=None)


def count_usable(client: Client, now: datetime) -> str:
    counts = ((credentials.usable(now).count(), noun) for noun, credentials in _credentials_of(client).items())
    return get_text_list([_count(count, noun) for count, noun in counts if count], "and") or "no usable credential"


def _credentials_of(client: Client) -> dict[str, Any]:
    return {"secret": client.secrets, "public key": client.public_keys, "certificate": client.certificates}


def _count(count: int, noun: str) -> str:
    return f"1 usable {noun}" if count == 1 else f"{count} usable {noun}s"


class CredentialStateFilter(admin.SimpleListFilter):
    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:  # noqa: ARG002  # Django's signature
        return [("usable", "usable"), ("expired", "expired"), ("revoked", "revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002  # Django's signature
        now = timezone.now()
        if self.value() == "usable":
            return queryset.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), revoked_at__isnull=True)
        if self.value() == "expired":
            return queryset.filter(expires_at__lte=now, revoked_at__isnull=True)
        return queryset.filter(revoked_at__isnull=False) if self.value() == "revoked" else queryset


class CredentialAdmin(ReadOnlyAdmin):
    """A filter by workspace would have to sort rows by the million: it is the client's."""

    list_filter = (CredentialStateFilter, "created_at")
    list_select_related = ("client",)
    readonly_fields = ("state",)

    @admin.display
    def state(self, credential: ClientSecret | ClientPublicKey | ClientCertificate) -> str:
        if credential.revoked_at is not None:
            return "revoked"
        return "usable" if credential.is_usable(timezone.now()) else "expired"


@admin.register(ClientSecret)
class ClientSecretAdmin(CredentialAdmin):
    list_display = ("secret_id", "name", "client", "state", "expires_at", "last_used_at", "created_at")
    secret_fields = ("hash", "digest")
    find_by = ("secret_id", "client__client_id")
    search_fields = ("secret_id__exact",)
    search_help_text = "Search by secret ID or client ID."
    audit_target = ("secret", attrgetter("secret_id"))
    actions = ("revoke_secrets",)

    def offers(self, action: str, row: ClientSecret) -> bool:  # noqa: ARG002  # there is but one
        return row.revoked_at is None

    @admin.action(description="Revoke…")
    def revoke_secrets(self, request: HttpRequest, queryset: QuerySet[ClientSecret]) -> HttpResponse | None:
        now = timezone.now()

        def explain(secret: ClientSecret) -> list[str]:
            if secret.revoked_at is not None:
                return ["It is revoked already. Nothing changes."]
            ends = ["It ends for ever, and every token that it obtained stops working at once.", describe_use(secret.last_used_at, now)]
            others = ClientSecret.objects.usable(now).filter(client=secret.client_id).exclude(pk=secret.pk).count()
            if others:
                return [*ends, f"{secret.client} keeps {_count(others, 'secret')}."]
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


@admin.register(ClientPublicKey)
class ClientPublicKeyAdmin(CredentialAdmin):
    list_display = ("kid", "name", "client", "algorithm", "state", "expires_at", "last_used_at", "created_at")
    find_by = ("client__client_id",)
    search_fields = ("kid__exact", "thumbprint__exact")
    search_help_text = "Search by key ID, thumbprint or client ID."
    audit_target = ("public_key", attrgetter("kid"))


@admin.register(ClientCertificate)
class ClientCertificateAdmin(CredentialAdmin):
    list_display = ("thumbprint", "subject", "name", "client", "state", "expires_at", "last_used_at", "created_at")
    find_by = ("thumbprint", "client__client_id")
    search_fields = ("thumbprint__exact", "subject__icontains")
    search_help_text = "Search by thumbprint (x5t#S256), client ID, or a part of the subject."
    audit_target = ("certificate", attrgetter("thumbprint"))
