"""People, and the instance's background jobs."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from clients.models import Workspace


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """password: None for an account that can't sign in until it gets one."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person, who signs in with an email address. is_staff, is_superuser: administers the whole instance.

    disabled_at: when the account was last disabled, None for never. It stays when the account is enabled again.
    """

    email = models.EmailField(max_length=254, unique=True, error_messages={"unique": "This email address already has an account."})
    name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    is_staff = models.BooleanField(default=False)
    has_single_keys = models.BooleanField(default=True, help_text="Whether single letters are shortcuts on pages (WCAG 2.2, 2.1.4).")
    created_at = models.DateTimeField()

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        ordering = ["email"]
        constraints = [models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower_case")]

    def __str__(self) -> str:
        return self.email

    @property
    def shown_name(self) -> str:
        return self.name or self.email

    def get_session_auth_hash(self) -> str:
        """It changes with the password and when the account is disabled. So earlier sessions and links stop working forever, also those of an unfinished
        sign-in.
        """
        of_password = super().get_session_auth_hash()
        if self.disabled_at is None:
            return of_password
        return salted_hmac("dashboard.models.User", f"{of_password} {self.disabled_at.isoformat()}", algorithm="sha256").hexdigest()

    @property
    def audit_name(self) -> str:
        """The account in AuditEvent.actor and target_id."""
        return f"user:{self.pk} {self.email}"


class Membership(models.Model):
    class Role(models.TextChoices):
        VIEWER = "viewer", "Viewer"
        DEVELOPER = "developer", "Developer"
        ADMIN = "admin", "Admin"
        OWNER = "owner", "Owner"

        @property
        def with_article(self) -> str:
            """Words such as “an owner”, which follow “You are”."""
            return f"{'an' if self in (self.ADMIN, self.OWNER) else 'a'} {self.value}"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=9, choices=Role)
    came_by_sso = models.BooleanField(default=False, help_text="Follows the person's groups at the OpenID provider, at each single sign-on.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["workspace", "user"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="membership_unique"),
            models.CheckConstraint(condition=models.Q(role__in=["viewer", "developer", "admin", "owner"]), name="membership_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.workspace}"


class AccessPolicy(models.Model):
    """A workspace's rules for people; without a row, it has none. The rules for clients are fields of Workspace."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="access_policy")
    requires_second_factor = models.BooleanField(default=False)
    requires_sso = models.BooleanField(default=False)
    live_clients_from = models.CharField(max_length=9, choices=Membership.Role, default=Membership.Role.DEVELOPER)

    class Meta:
        verbose_name_plural = "access policies"
        constraints = [models.CheckConstraint(condition=models.Q(live_clients_from__in=["developer", "admin", "owner"]), name="access_policy_role")]

    def __str__(self) -> str:
        return f"Policy of {self.workspace}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, now: datetime) -> Self:
        return self.filter(accepted_at=None, withdrawn_at=None, expires_at__gt=now)


class Invitation(models.Model):
    """An invitation of one address to one workspace. token_digest: SHA-256 of the link's token, in hex; the token itself is only in the email."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=9, choices=Membership.Role)
    token_digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[InvitationQuerySet] = InvitationQuerySet.as_manager()  # type: ignore[assignment]  # a manager made of that query set

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["workspace", "email"], name="invitation_by_address"), models.Index(fields=["expires_at"], name="invitation_by_age")]
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="invitation_email_is_lower_case"),
            models.CheckConstraint(condition=models.Q(role__in=["viewer", "developer", "admin", "owner"]), name="invitation_role"),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.workspace}"


class SpentForm(models.Model):
    """A form that made something whose secret was shown in the response. If it is sent again, by a second click or a reload, the response only names what it
    made.

    token: the form's random token. made: the ID of what it made.
    """

    token = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    made = models.CharField(max_length=128)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["created_at"], name="spent_form_by_age")]

    def __str__(self) -> str:
        return self.made


class ExpiryNotice(models.Model):
    """Records that people were told about a credential's expiry. If the expiry is moved, they are told again.

    credential: the IDs of client and credential, as in usage, separated by a space. step: seconds before the expiry. ends_at: the expiry in the email.
    """

    credential = models.CharField(max_length=200)
    step = models.PositiveIntegerField()
    ends_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["credential", "ends_at", "step"], name="expiry_notice_unique")]
        indexes = [models.Index(fields=["ends_at"], name="expiry_notice_by_end")]

    def __str__(self) -> str:
        return f"{self.credential} {self.step} s before {self.ends_at:%Y-%m-%d %H:%M}"


class ScheduledJobManager(models.Manager["ScheduledJob"]):
    def claim(self, name: str, *, now: datetime, every: timedelta) -> bool:
        """Whether the caller is the process, among all workers and nodes, that does this job now. now: by the shared clock, the database's.

        If the next run is further away than every, a wrong clock has set it.
        """
        self.get_or_create(name=name, defaults={"next_run_at": now})
        return self.filter(models.Q(next_run_at__lte=now) | models.Q(next_run_at__gt=now + every), name=name).update(next_run_at=now + every) == 1


class ScheduledJob(models.Model):
    name = models.CharField(max_length=40, unique=True)
    next_run_at = models.DateTimeField()

    objects: ClassVar[ScheduledJobManager] = ScheduledJobManager()

    def __str__(self) -> str:
        return self.name
