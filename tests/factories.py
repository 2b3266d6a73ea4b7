"""Rows for tests, made by the services. The cast is always the same: Ada owns demo, Ben only views it, Eve owns another workspace."""

from datetime import timedelta

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import auth
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest
from django.utils import timezone

from clients.models import Client, Workspace
from clients.services import clients, secrets
from clients.services.audit import Actor
from clients.services.secrets import NewSecret
from dashboard.models import Membership, User
from dashboard.people import accounts, invitations, memberships, workspaces
from dashboard.people.invitations import NewInvitation
from dashboard.people.session_store import SessionStore, digest_key
from dashboard.people.sign_in_flow import AUTHENTICATION_METHODS_SESSION_KEY, record_authentication
from dashboard.people.user_sessions import NOTED
from oauth.models import SigningKey
from oauth.services import rotate_signing_key

TESTS = Actor("command:tests")
PASSWORD = "correct-horse-battery"
TOTP_SECRET = "JBSWY3DPEHPK3PXP"


def create_workspace(slug="demo", *, owner=None) -> Workspace:
    """owner: the email address of an account. If it doesn't exist, it is made without a password."""
    workspace, _ = workspaces.create_workspace(slug=slug, name=slug.title(), owner=owner, actor=TESTS, now=timezone.now())
    return workspace


def create_user(email, *, password=PASSWORD, is_instance_admin=False) -> User:
    hashed = make_password(password)
    return accounts.create_user(email=email, hashed_password=hashed, is_instance_admin=is_instance_admin, actor=TESTS, now=timezone.now())


def turn_on_one_time_codes(user, *, secret=TOTP_SECRET) -> Authenticator:
    """Unlike the service, this doesn't end sessions or make recovery codes."""
    return Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": get_adapter().encrypt(secret)})


def create_session(user) -> str:
    """A session as after a sign-in with all factors, which counts during the whole test. Returns the key for the browser's cookie."""
    request = HttpRequest()
    request.session = SessionStore()
    request.session[auth.SESSION_KEY], request.session[auth.HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    request.session[auth.BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    request.session[NOTED] = timezone.now().timestamp()
    record_authentication(request, user, "password", email=user.email)
    for factor in Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES):
        record_authentication(request, user, "mfa", id=factor.pk, type=factor.type)
    for record in request.session[AUTHENTICATION_METHODS_SESSION_KEY]:
        record["at"] += timedelta(days=1).total_seconds()
    request.session.save()
    UserSession.objects.create(user=user, session_key=digest_key(request.session.session_key), ip="127.0.0.1", user_agent="")
    return str(request.session.session_key)


def add_member(workspace, user, role=Membership.Role.VIEWER) -> Membership:
    return memberships.add_member(workspace=workspace, user=user, role=role, actor=TESTS, now=timezone.now())


def invite(by: Membership, email, role=Membership.Role.VIEWER, *, now=None) -> NewInvitation:
    """Returns .invitation and .plaintext, the token of its link. No mail is sent."""
    [new] = invitations.invite(by=by, emails=[email], role=role, actor=TESTS, now=now or timezone.now())
    return new


def create_client(workspace, *, name="billing-sync", scopes=("read", "write"), now=None, **fields) -> NewSecret:
    """A client with one secret, even if it may not use it. The result has .secret.client and .plaintext."""
    new = clients.create_client_with_credentials(workspace=workspace, name=name, scopes=scopes, actor=TESTS, now=now or timezone.now(), **fields)
    return new.secret or insert_secret(new.client, now=now)


def insert_secret(client: Client, *, now=None) -> NewSecret:
    """A secret that a client has from when its methods were different."""
    now = now or timezone.now()
    new = secrets.prepare_secret(client=client, name="", lifetime=None, actor=TESTS, now=now)
    secrets.insert_secret(new.secret, actor=TESTS, now=now)
    return new


def create_secret(client: Client, *, lifetime=None, now=None, name="") -> NewSecret:
    return secrets.create_secret(client=client, name=name, lifetime=lifetime, actor=TESTS, now=now or timezone.now())


def expire(secret, *, ago=timedelta(seconds=1)) -> None:
    """This moves the row's times, not the clock."""
    now = timezone.now()
    secret.created_at, secret.expires_at = now - timedelta(days=1), now - ago
    secret.save(update_fields=["created_at", "expires_at"])


def create_signing_key(algorithm=None) -> SigningKey:
    """A key that signs at once."""
    return rotate_signing_key(algorithm=algorithm, immediately=True, actor=TESTS, now=timezone.now()).key
