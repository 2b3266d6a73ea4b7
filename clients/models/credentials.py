"""The credentials of a client: secrets, public keys and certificates."""

from datetime import datetime, timedelta
from typing import ClassVar, Self, TypeVar

from django.db import models
from django.db.models import F, Q

from clients.models.client import SECRET_METHODS, Client

_Row = TypeVar("_Row", bound="Credential")


class CredentialQuerySet(models.QuerySet[_Row]):
    def usable(self, now: datetime) -> Self:
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), revoked_at__isnull=True)

    def ending_after(self, moment: datetime, *, now: datetime) -> Self:
        """Usable credentials that don't expire before moment."""
        return self.usable(now).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=moment))


class Credential(models.Model):
    """The fields of every kind of credential. From expires_at on, it obtains no more tokens. From revoked_at on, the tokens that it obtained are invalid as
    well.
    """

    name = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_from = models.GenericIPAddressField(null=True, blank=True)

    objects = CredentialQuerySet.as_manager()

    # The kind in words, in one word, and as audit events name it; and the column that identifies a credential within its client.
    NOUN: ClassVar[str]
    SHORT_NAME: ClassVar[str]
    TARGET_TYPE: ClassVar[str]
    ID_FIELD: ClassVar[str]
    # The methods by which it authenticates its client.
    METHODS: ClassVar[tuple[Client.AuthMethod, ...]]

    class State(models.TextChoices):
        USABLE = "usable"
        EXPIRED = "expired"
        REVOKED = "revoked"

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(getattr(self, self.ID_FIELD))

    @property
    def credential_id(self) -> str:
        """Its name in tokens, requests and usage: the ID of a secret; for any other kind, the kind, a colon and the ID."""
        return f"{self.SHORT_NAME}:{self}"

    def is_usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)

    def state(self, now: datetime) -> str:
        if self.revoked_at is not None:
            return self.State.REVOKED
        return self.State.USABLE if self.is_usable(now) else self.State.EXPIRED


class ClientSecret(Credential):
    """hash: argon2id, PHC string. digest: see clients.secret.

    lifetime: the original lifetime in seconds, None for no expiry. Its successor gets the same.
    """

    secret_id = models.CharField(max_length=32, unique=True)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="secrets")
    hash = models.CharField(max_length=200)
    digest = models.CharField(max_length=80, blank=True)
    lifetime = models.PositiveBigIntegerField(null=True, blank=True)

    NOUN = SHORT_NAME = TARGET_TYPE = "secret"
    ID_FIELD = "secret_id"
    METHODS = SECRET_METHODS

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["expires_at"], name="client_secret_by_end")]
        constraints = [
            models.CheckConstraint(condition=Q(hash__startswith="$argon2id$"), name="client_secret_hash_is_argon2id"),
            models.CheckConstraint(condition=Q(expires_at__isnull=True) | Q(expires_at__gte=F("created_at")), name="client_secret_expires_after_creation"),
        ]

    @property
    def credential_id(self) -> str:
        return self.secret_id

    @property
    def has_other_end(self) -> bool:
        """Whether the expiry was changed after the creation, by a rotation or by a person."""
        if self.expires_at is None:
            return False
        # lifetime is whole seconds.
        return self.lifetime is None or abs(self.expires_at - self.created_at - timedelta(seconds=self.lifetime)) >= timedelta(seconds=1)


class ClientPublicKey(Credential):
    """A public key whose private key signs the client's assertions (RFC 7523).

    kid: the JWK's own, or else the thumbprint. public_jwk: RFC 7517, public members only. thumbprint: RFC 7638, SHA-256. algorithm: the only one that it may
    sign with, "" for an RSA key that may use any RSA algorithm.
    """

    kid = models.CharField(max_length=100)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="public_keys")
    thumbprint = models.CharField(max_length=43)
    algorithm = models.CharField(max_length=8, blank=True)
    public_jwk = models.JSONField()

    NOUN, SHORT_NAME, TARGET_TYPE, ID_FIELD = "public key", "key", "public_key", "kid"
    METHODS = (Client.AuthMethod.PRIVATE_KEY_JWT,)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["expires_at"], name="client_public_key_by_end")]
        constraints = [
            models.UniqueConstraint(fields=["client", "kid"], name="client_public_key_unique_kid"),
            # This includes revoked keys: a key whose private key leaked must not come back under another name.
            models.UniqueConstraint(fields=["client", "thumbprint"], name="client_public_key_unique"),
            models.CheckConstraint(condition=Q(expires_at__isnull=True) | Q(expires_at__gte=F("created_at")), name="client_public_key_expires_after_creation"),
        ]


class ClientCertificate(Credential):
    """A certificate that authenticates its client by itself, RFC 8705 §2.2.

    thumbprint: x5t#S256, base64url of SHA-256 of the DER. certificate: PEM. valid_from, expires_at: from the certificate.
    """

    thumbprint = models.CharField(max_length=43, db_index=True)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="certificates")
    subject = models.CharField(max_length=500, blank=True)
    certificate = models.TextField()
    valid_from = models.DateTimeField()

    NOUN = SHORT_NAME = TARGET_TYPE = "certificate"
    ID_FIELD = "thumbprint"
    METHODS = (Client.AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH,)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["expires_at"], name="client_certificate_by_end")]
        constraints = [models.UniqueConstraint(fields=["client", "thumbprint"], name="client_certificate_unique")]


AnyCredential = ClientSecret | ClientPublicKey | ClientCertificate
CredentialT = TypeVar("CredentialT", bound=AnyCredential)
KINDS: tuple[type[AnyCredential], ...] = (ClientSecret, ClientPublicKey, ClientCertificate)
