"""Prepares a new instance: static files, a signing key, the workspace demo with its owner, and a client to try it with."""

import hashlib
import re
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import transaction

from clients.key_encryption import MissingKeyEncryptionKeyError, decrypt
from clients.models import AuditEvent, Client, ClientSecret, Workspace
from clients.secret import parse, verify_secret
from clients.services.audit import Actor
from clients.services.clients import create_client
from clients.services.secrets import insert_secret, prepare_secret
from dashboard.instance.addresses import page_url
from dashboard.instance.environment import is_socket
from dashboard.instance.files import write_private
from dashboard.models import Membership, User
from dashboard.people import passwords, workspaces
from oauth.database_clock import read_clocks
from oauth.models import SigningKey
from oauth.services import rotate_signing_key

DEMO_WORKSPACE = "demo"
DEMO_CLIENT = "Demo client"
DEMO_OWNER = "owner@example.com"


def collect_static_files() -> str | None:
    """Collect the static files if one has changed: checking takes milliseconds, collecting takes seconds."""
    stamp = settings.DATA_DIR / "static.sha256"
    fingerprint = _fingerprint_static_files()
    if stamp.is_file() and stamp.read_text() == fingerprint and (settings.STATIC_ROOT / "staticfiles.json").is_file():
        return None
    call_command("collectstatic", interactive=False, verbosity=0)
    write_private(stamp, fingerprint.encode())
    return "Collected the static files"


def _fingerprint_static_files() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list(None):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def create_signing_key(*, actor: Actor, now: datetime) -> str | None:
    """Make the first signing key if there is none. Raise MissingKeyEncryptionKeyError if one that signs or will sign can't be decrypted."""
    keys = SigningKey.objects.going_on(now)
    for key in keys:
        try:
            decrypt(key.private_key, context=key.kid)
        except MissingKeyEncryptionKeyError as error:
            raise MissingKeyEncryptionKeyError(
                f"{error} If it is lost, “.venv/bin/python manage.py rotate_signing_key --now” makes another signing key; existing tokens stay valid."
            ) from error
    if keys:
        return None
    return f"Made the signing key {rotate_signing_key(actor=actor, now=read_clocks().now).key.kid}"


def create_demo_workspace(*, actor: Actor, now: datetime) -> str | None:
    """Make the workspace demo with an owner without a password and a client without a secret, unless there is a workspace, or there ever was one named demo."""
    with transaction.atomic():
        if Workspace.objects.exists() or AuditEvent.objects.filter(workspace_slug=DEMO_WORKSPACE).exists():
            return None
        workspace, _ = workspaces.create_workspace(slug=DEMO_WORKSPACE, name="Demo", owner=DEMO_OWNER, is_instance_admin=True, actor=actor, now=now)
        create_client(workspace=workspace, name=DEMO_CLIENT, scopes=("read", "write"), actor=actor, now=now)
    return f"Made the workspace {DEMO_WORKSPACE} with its owner {DEMO_OWNER} and a client to try it with"


def write_curl_configuration(*, actor: Actor, now: datetime) -> str | None:
    """Write a secret of the demo client into a file for curl --config if the one in it doesn't work.

    So the next start repairs the file if a crash prevented it, DATA_DIR was lost, or the secret was rotated. The other secrets stay, because somebody may have
    copied one. The file is written before the commit, so that no unknown secret is left over.
    """
    client = _find_demo_client()
    if client is None or _works(client, now=now):
        return None
    new = prepare_secret(client=client, name=_curl_configuration().name, lifetime=None, actor=actor, now=now)
    try:
        with transaction.atomic():
            insert_secret(new.secret, actor=actor, now=now)
            write_private(_curl_configuration(), f'user = "{client.client_id}:{new.plaintext}"\n'.encode())
    except ValidationError:
        # It has as many secrets as a client may have. Then there is no curl to announce, but the server can still run.
        return None
    return f"Wrote the demo client's credentials: {_curl_configuration()}"


def _curl_configuration() -> Path:
    return Path(settings.DATA_DIR) / "demo-client.curl"


def _find_demo_client() -> Client | None:
    demo_clients = Client.objects.filter(workspace__slug=DEMO_WORKSPACE, name=DEMO_CLIENT)
    # Take the oldest, because names aren't unique.
    client = demo_clients.order_by("pk").first()
    return client if client is not None and client.status == Client.Status.ENABLED else None


def _works(client: Client, *, now: datetime) -> bool:
    try:
        match = re.search(r'^user = "([^:"]+):([^"]+)"$', _curl_configuration().read_text(encoding="utf-8"), re.MULTILINE)
    except (FileNotFoundError, UnicodeDecodeError):
        return False
    parsed = parse(match[2]) if match else None
    if match is None or parsed is None or match[1] != client.client_id:
        return False
    secret = ClientSecret.objects.usable(now).filter(client=client, secret_id=parsed.secret_id).first()
    return secret is not None and verify_secret(parsed.plaintext, hashed=secret.hash, digest=secret.digest)


def announce(*, actor: Actor, now: datetime) -> dict[str, str]:
    """The first facts for the operator: url, sign_in and, if there are such an account and client, owner, owner_password (at the first start) and curl.

    There is no curl if every request would be refused as plain HTTP (dashboard.instance.checks).
    """
    announcement = {"url": page_url("/").removesuffix("/"), "sign_in": page_url("/accounts/sign-in/")}
    owner = User.objects.filter(is_active=True, memberships__role=Membership.Role.OWNER, memberships__workspace__slug=DEMO_WORKSPACE).order_by("pk").first()
    if owner is not None:
        announcement["owner"] = owner.email
        if not owner.has_usable_password():
            announcement["owner_password"] = passwords.generate_password()
            passwords.set_password(user=owner, hashed_password=make_password(announcement["owner_password"]), actor=actor, now=now)
    client = _find_demo_client()
    if client is not None and is_reachable() and _works(client, now=now):
        announcement["curl"] = shlex.join(_curl())
    return announcement


def is_reachable() -> bool:
    """Whether a request can count as HTTPS at all."""
    return bool(settings.TLS or settings.TRUSTED_PROXIES or is_socket(settings.HOST))


def _curl() -> list[str]:
    ca = ["--cacert", str(settings.DATA_DIR / "tls" / "ca.pem")] if settings.TLS else []
    return ["curl", *ca, "--config", str(_curl_configuration()), f"{settings.ISSUER_URL}/oauth2/token", "--data", "grant_type=client_credentials"]


def render_announcement(announcement: dict[str, Any]) -> list[str]:
    lines = [f"TokenOS: {announcement['url']}"]
    if "owner_password" in announcement:
        lines.append(f"Sign in at {announcement['sign_in']} as {announcement['owner']} with the password {announcement['owner_password']} (shown only now)")
    elif "owner" in announcement:
        lines.append(
            f"Sign in at {announcement['sign_in']} as {announcement['owner']} with the password that the first start printed, "
            f"or set a new one: .venv/bin/python manage.py changepassword {announcement['owner']}"
        )
    if "curl" in announcement:
        lines += ["Get a token:", f"  {announcement['curl']}"]
    elif not is_reachable():
        lines.append("No curl command is shown: with TLS=off and without TRUSTED_PROXIES, every request is refused.")
    return lines
