"""Clients' secrets, public keys and certificates."""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Max, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.text import get_text_list
from django.utils.timesince import timesince

from clients.models import Client, ClientCertificate, ClientPublicKey, ClientSecret
from clients.models.credentials import KINDS, AnyCredential, Credential
from clients.services.revocation import revoke
from dashboard.admin.confirmation import Confirmation, confirm
from dashboard.admin.read_only import ReadOnlyAdmin, filter_by
from dashboard.people.caller import actor_of


def describe_use(last_used_at: datetime | None, now: datetime) -> str:
    return f"Last used {timesince(last_used_at, now)} ago." if last_used_at else "Never used so far."


def find_last_use(client: Client) -> datetime | None:
    last = (kind.objects.filter(client=client).aggregate(last=Max("last_used_at"))["last"] for kind in KINDS)
    return max(filter(None, last), default=None)


def count_usable(client: Client, now: datetime) -> str:
    """Such as “1 usable secret and 2 usable public keys”, "" for none."""
    counts = ((kind.objects.usable(now).filter(client=client).count(), kind.NOUN) for kind in KINDS)
    return get_text_list([_count(count, noun) for count, noun in counts if count], "and")


def _count(count: int, noun: str) -> str:
    return f"1 usable {noun}" if count == 1 else f"{count} usable {noun}s"


CredentialStateFilter = filter_by(
    "state",
    {
        "usable": lambda credentials, now: credentials.usable(now),
        "expired": lambda credentials, now: credentials.filter(expires_at__lte=now, revoked_at__isnull=True),
        "revoked": lambda credentials, now: credentials.filter(revoked_at__isnull=False),  # noqa: ARG005  # forever
    },
)


class CredentialAdmin(ReadOnlyAdmin):
    """There is no filter by workspace: the workspace is the client's, so millions of rows would have to be sorted."""

    list_filter = (CredentialStateFilter, "created_at")
    list_select_related = ("client",)
    readonly_fields: ClassVar[tuple[str, ...]] = ("state",)
    actions = ("revoke_credentials",)

    def narrow_history(self, row: AnyCredential) -> dict[str, str]:
        # Another client's key may have the same ID, and two clients may have registered the same certificate.
        return {} if isinstance(row, ClientSecret) else {"after__client_id": row.client.client_id}

    def find_alternative(self, client: Client) -> str:  # noqa: ARG002  # most have none
        """A sentence about the client's other way to authenticate if no credential of this kind is registered, or ""."""
        return ""

    def offers(self, action: str, row: Credential) -> bool:  # noqa: ARG002  # there is only one
        return row.revoked_at is None

    @admin.display
    def state(self, credential: Credential) -> str:
        return credential.state(timezone.now())

    @admin.action(description="Revoke…")
    def revoke_credentials(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        now, noun = timezone.now(), self.model.NOUN

        def explain(credential: Any) -> list[str]:
            if credential.revoked_at is not None:
                return ["It is already revoked. Nothing changes."]
            client = credential.client
            others = self.model.objects.usable(now).filter(client=client).exclude(pk=credential.pk).count()
            left = f"{client} keeps {_count(others, noun)}." if others else self.find_alternative(client)
            return [
                "It stops working permanently, and so does every token that it obtained.",
                describe_use(credential.last_used_at, now),
                left or f"{client} has no other usable {noun}. Until you add one, it gets no tokens with a {noun}.",
            ]

        def act(credential: Any) -> None:
            revoke(type(credential), str(credential), client=credential.client, actor=actor_of(request), now=now)

        confirmation = Confirmation(
            action="revoke_credentials",
            question=f"Revoke these {noun}s?",
            submit="Revoke",
            explain=explain,
            act=act,
            done="Revoked: {count}. The tokens that they obtained don't work any more either.",
        )
        return confirm(self, request, queryset, confirmation)


@admin.register(ClientSecret)
class ClientSecretAdmin(CredentialAdmin):
    list_display = ("secret_id", "name", "client", "state", "expires_at", "last_used_at", "created_at")
    secret_fields = ("hash", "digest")
    find_by = ("secret_id", "client__client_id")
    search_fields = ("secret_id__exact",)
    search_help_text = "Search by secret ID or client ID."
    audit_target = (ClientSecret.TARGET_TYPE, str)


@admin.register(ClientPublicKey)
class ClientPublicKeyAdmin(CredentialAdmin):
    list_display = ("kid", "client", "name", "state", "shown_algorithm", "expires_at", "last_used_at", "created_at")
    readonly_fields = ("shown_algorithm", "state")
    find_by = ("client__client_id",)
    search_fields = ("kid__exact", "thumbprint__exact")
    search_help_text = "Search by key ID, thumbprint or client ID."
    audit_target = (ClientPublicKey.TARGET_TYPE, str)

    def get_exclude(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return (*super().get_exclude(request, obj), "algorithm")

    @admin.display(description="algorithm")
    def shown_algorithm(self, key: ClientPublicKey) -> str:
        return key.algorithm or "any RSA"

    def find_alternative(self, client: Client) -> str:
        return f"The keys that {client} publishes at {client.jwks_uri} still work." if client.jwks_uri else ""


@admin.register(ClientCertificate)
class ClientCertificateAdmin(CredentialAdmin):
    list_display = ("thumbprint", "client", "subject", "state", "name", "expires_at", "last_used_at", "created_at")
    find_by = ("thumbprint", "client__client_id")
    search_fields = ("thumbprint__exact", "subject__icontains")
    search_help_text = "Search by thumbprint (x5t#S256), client ID, or part of the subject."
    audit_target = (ClientCertificate.TARGET_TYPE, str)

    def find_alternative(self, client: Client) -> str:
        return f"Certificates for {client.tls_subject} from a trusted CA still work." if client.tls_subject else ""
