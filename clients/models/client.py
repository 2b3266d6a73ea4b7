"""A client is a program with credentials, RFC 6749 §2. Its fields have the metadata names of RFC 7591 §2."""

import re
from collections.abc import Iterable
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import ClassVar, Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast

from clients.models import json_list  # noqa: F401  # has_element
from clients.models.workspace import Workspace

MIN_TOKEN_LIFETIME = timedelta(seconds=60)
MAX_TOKEN_LIFETIME = timedelta(hours=24)
DEFAULT_TOKEN_LIFETIME = timedelta(hours=1)

CLIENT_ID = re.compile(r"\A[A-Za-z0-9_-]{16,64}\Z")
# The characters around the elements of a JSON list. Every list has them, so they aren't searched; no scope contains them (RFC 6749 §3.3).
_BETWEEN_SCOPES = frozenset('[", ]\\')
validate_client_id = RegexValidator(CLIENT_ID.pattern, code="invalid_client_id")


class ClientQuerySet(models.QuerySet["Client"]):
    def allowing_any(self, auth_methods: Iterable[str]) -> Self:
        return self.filter(reduce(or_, (Q(auth_methods__has_element=method) for method in auth_methods), Q(pk__in=[])))

    def with_scope(self, scope: str) -> Self:
        return self.filter(scopes__has_element=scope)

    def with_audience(self, audience: str) -> Self:
        return self.filter(audiences__has_element=audience)

    def matching(self, text: str) -> Self:
        """The clients with that text in name, client ID, contact or a scope. Case doesn't matter."""
        found = Q(name__icontains=text) | Q(client_id__icontains=text) | Q(contact__icontains=text)
        if not _BETWEEN_SCOPES.intersection(text):
            found |= Q(scopes_text__icontains=text)
        return self.alias(scopes_text=Cast("scopes", models.TextField())).filter(found)


class Client(models.Model):
    class Environment(models.TextChoices):
        LIVE = "live", "Live"
        TEST = "test", "Test"

    class Status(models.TextChoices):
        ENABLED = "enabled", "Enabled"
        DISABLED = "disabled", "Disabled"

    class AuthMethod(models.TextChoices):
        """token_endpoint_auth_method values, RFC 7591 §2."""

        CLIENT_SECRET_BASIC = "client_secret_basic"
        CLIENT_SECRET_POST = "client_secret_post"
        PRIVATE_KEY_JWT = "private_key_jwt"
        TLS_CLIENT_AUTH = "tls_client_auth"
        SELF_SIGNED_TLS_CLIENT_AUTH = "self_signed_tls_client_auth"

    class TLSSubjectType(models.TextChoices):
        """The part of a certificate that names the client for tls_client_auth, RFC 8705 §2.1.2."""

        SUBJECT_DN = "tls_client_auth_subject_dn", "subject DN"
        SAN_DNS = "tls_client_auth_san_dns", "DNS name"
        SAN_URI = "tls_client_auth_san_uri", "URI"
        SAN_IP = "tls_client_auth_san_ip", "IP address"
        SAN_EMAIL = "tls_client_auth_san_email", "email address"

    client_id = models.CharField(max_length=64, unique=True, validators=[validate_client_id])
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="clients")
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True, max_length=1000)
    contact = models.CharField(max_length=254, blank=True, help_text="Who is responsible for it: a team, a person or an email address.")
    tags = models.JSONField(default=list)
    environment = models.CharField(max_length=4, choices=Environment, default=Environment.LIVE)
    status = models.CharField(max_length=8, choices=Status, default=Status.ENABLED)
    auth_methods = models.JSONField(default=list)
    scopes = models.JSONField(default=list, help_text="In the order in which a token gets them if the request has no scope parameter.")
    audiences = models.JSONField(default=list, help_text="Resource URIs. Empty: the workspace's own audience.")
    withheld_audiences = models.JSONField(
        default=list, blank=True, help_text="The audiences in its list that belong to another workspace. No tokens are issued for them."
    )
    allowed_networks = models.JSONField(default=list, help_text="CIDR ranges. Empty: any address.")
    token_lifetime = models.PositiveIntegerField(default=int(DEFAULT_TOKEN_LIFETIME.total_seconds()), help_text="Seconds.")
    jwks_uri = models.CharField(max_length=512, blank=True, help_text="Where the client publishes its public keys (RFC 7591 §2).")
    tls_subject_type = models.CharField(max_length=32, blank=True, choices=TLSSubjectType)
    tls_subject = models.CharField(max_length=512, blank=True)
    require_dpop = models.BooleanField(default=False, help_text="Issue only DPoP-bound tokens (RFC 9449).")
    require_certificate = models.BooleanField(default=False, help_text="Issue only certificate-bound tokens (RFC 8705 §3).")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254)

    objects: ClassVar[ClientQuerySet] = ClientQuerySet.as_manager()  # type: ignore[assignment]  # a manager made of that query set

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["workspace", "name"], name="client_by_workspace_and_name")]
        constraints = [
            models.CheckConstraint(condition=Q(environment__in=["live", "test"]), name="client_environment"),
            models.CheckConstraint(condition=Q(status__in=["enabled", "disabled"]), name="client_status"),
            models.CheckConstraint(condition=Q(token_lifetime__gte=60, token_lifetime__lte=86400), name="client_token_lifetime"),
            models.CheckConstraint(condition=~Q(name=""), name="client_name_not_empty"),
            models.CheckConstraint(
                condition=Q(tls_subject_type="", tls_subject="") | ~(Q(tls_subject_type="") | Q(tls_subject="")), name="client_tls_subject_is_whole"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.client_id})"

    @property
    def takes_secret(self) -> bool:
        """Whether one of its methods uses a secret."""
        return any(method in SECRET_METHODS for method in self.auth_methods)

    @property
    def takes_public_key(self) -> bool:
        return self.AuthMethod.PRIVATE_KEY_JWT in self.auth_methods


SECRET_METHODS = (Client.AuthMethod.CLIENT_SECRET_BASIC, Client.AuthMethod.CLIENT_SECRET_POST)
