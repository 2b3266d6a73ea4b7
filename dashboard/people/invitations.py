"""Invitations: a link in an email, for one address and one workspace, valid for 7 days, usable once.

The link's token has 256 random bits, and only its SHA-256 is stored: it can't be inverted, so a stolen database reveals no link.
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from django.urls import reverse

from clients.models import AuditEvent, Workspace
from clients.services import audit
from clients.services.audit import Actor
from clients.services.workspaces import lock_workspace, require_kept
from dashboard.instance import mail
from dashboard.instance.addresses import page_url
from dashboard.instance.mail.addresses import is_address
from dashboard.models import Invitation, Membership, User
from dashboard.people import accounts
from dashboard.people.former_addresses import find_members
from dashboard.people.made_links import may_invite_still
from dashboard.people.memberships import add_member, check_role, read_anew, require_over

LIFETIME = timedelta(days=7)
MAX_AT_ONCE = 50
MAX_AN_HOUR = 200
MAX_AN_HOUR_TO_ONE = 5
_SENDING = ("member.invited", "invitation.sent_again")


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """plaintext: the token, which only goes into the email."""

    invitation: Invitation
    plaintext: str


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def find_invitation(token_digest: str) -> Invitation | None:
    """Find the invitation in any state."""
    return Invitation.objects.select_related("workspace", "invited_by").filter(token_digest=token_digest).first()


def is_open(invitation: Invitation, now: datetime) -> bool:
    """Whether the invitation can be accepted. False if its maker could no longer make it."""
    is_awaited = invitation.accepted_at is None and invitation.withdrawn_at is None and invitation.expires_at > now
    return is_awaited and may_invite_still(invitation)


def awaited_in(workspace: Workspace) -> QuerySet[Invitation]:
    """Invitations that haven't been accepted or withdrawn, including expired ones, which can be sent again."""
    return Invitation.objects.filter(workspace=workspace, accepted_at=None, withdrawn_at=None).select_related("invited_by")


def invite(*, by: Membership, emails: Sequence[str], role: str, actor: Actor, now: datetime) -> list[NewInvitation]:
    """Invite all of them or, if one can't be invited, none. A repeated address counts once.

    Raise ValidationError with a message for each address that can't be invited, NotAllowedError if by may not give that role.
    """
    check_role(role)
    addresses = _clean_addresses(emails)
    with transaction.atomic():
        require_kept(lock_workspace(by.workspace))
        acting = read_anew(by)
        require_over(acting, role)
        _refuse_wrong(acting.workspace, addresses, now=now)
        _refuse_too_many(acting.workspace, addresses, now=now)
        Invitation.objects.filter(workspace=acting.workspace, email__in=addresses, accepted_at=None, withdrawn_at=None).delete()
        return [_create(acting, address, role, actor=actor, now=now) for address in addresses]


def _clean_addresses(emails: Sequence[str]) -> list[str]:
    addresses = list(dict.fromkeys(email.strip().lower() for email in emails))
    if not addresses:
        raise ValidationError("Enter an email address, for example ana@example.com.", code="required")
    if len(addresses) > MAX_AT_ONCE:
        raise ValidationError(f"{len(addresses):,} addresses are too many at once. Use at most {MAX_AT_ONCE}.", code="too_many")
    return addresses


def _refuse_wrong(workspace: Workspace, addresses: Sequence[str], *, now: datetime) -> None:
    emails = [address for address in addresses if is_address(address)]
    members = set(Membership.objects.filter(workspace=workspace, user__email__in=emails).values_list("user__email", flat=True))
    invited = set(Invitation.objects.open(now).filter(workspace=workspace, email__in=emails).values_list("email", flat=True))
    former = find_members(workspace, emails)
    wrong = []
    for address in addresses:
        if address not in emails:
            wrong.append(ValidationError(f"“{address[:80]}” isn’t an email address.", code="invalid_email"))
        elif address in members:
            wrong.append(ValidationError(f"{address} is already a member.", code="member"))
        elif address in former:
            wrong.append(ValidationError(f"{address} is a former address of {former[address]}, who is already a member.", code="member"))
        elif address in invited:
            wrong.append(ValidationError(f"{address} is already invited. To make a new link, use “Send again” under Invited.", code="invited"))
    if wrong:
        raise ValidationError(wrong)


def _refuse_too_many(workspace: Workspace, addresses: Sequence[str], *, now: datetime) -> None:
    """The emails are counted in the audit log, which records each one."""
    sent = AuditEvent.objects.filter(workspace=workspace, event__in=_SENDING, created_at__gt=now - timedelta(hours=1))
    if sent.count() + len(addresses) > MAX_AN_HOUR:
        raise ValidationError(f"A workspace can send at most {MAX_AN_HOUR} invitations an hour. Send these later.", code="too_many")
    to_one = sent.filter(target_id__in=addresses).values("target_id").annotate(count=Count("pk")).filter(count__gte=MAX_AN_HOUR_TO_ONE)
    wrong = to_one.order_by("target_id").values_list("target_id", flat=True).first()
    if wrong is not None:
        raise ValidationError(f"{wrong} was sent {MAX_AN_HOUR_TO_ONE} invitations within an hour. Send the next one later.", code="too_many")


def _create(by: Membership, email: str, role: str, *, actor: Actor, now: datetime) -> NewInvitation:
    invitation = Invitation(workspace=by.workspace, email=email, role=role)
    return _renew(invitation, by, "member.invited", actor=actor, now=now)


def _renew(invitation: Invitation, by: Membership, event: str, *, actor: Actor, now: datetime) -> NewInvitation:
    token = secrets.token_urlsafe(32)
    invitation.token_digest = digest_of(token)
    invitation.invited_by = by.user
    invitation.created_at, invitation.expires_at = now, now + LIFETIME
    invitation.save()
    _record(event, invitation, actor=actor, now=now, after={"role": invitation.role, "expires_at": f"{invitation.expires_at:%Y-%m-%dT%H:%M:%SZ}"})
    return NewInvitation(invitation, token)


def send_again(*, invitation: Invitation, by: Membership, actor: Actor, now: datetime) -> NewInvitation:
    """Make a new link for another 7 days; the old one stops working.

    Raise Invitation.DoesNotExist if it was accepted or withdrawn meanwhile, NotAllowedError, and ValidationError if too many were sent.
    """
    with transaction.atomic():
        awaited = _read_awaited(invitation, by)
        require_kept(awaited.workspace)
        _refuse_too_many(awaited.workspace, [awaited.email], now=now)
        return _renew(awaited, by, "invitation.sent_again", actor=actor, now=now)


def withdraw(*, invitation: Invitation, by: Membership, actor: Actor, now: datetime) -> None:
    """Make its link stop working. Raise Invitation.DoesNotExist if it was accepted or withdrawn meanwhile, NotAllowedError."""
    with transaction.atomic():
        awaited = _read_awaited(invitation, by)
        awaited.withdrawn_at = now
        awaited.save(update_fields=["withdrawn_at"])
        _record("invitation.withdrawn", awaited, actor=actor, now=now, before={"role": awaited.role})


def _read_awaited(invitation: Invitation, by: Membership) -> Invitation:
    lock_workspace(by.workspace)
    awaited = awaited_in(by.workspace).select_related("workspace").get(pk=invitation.pk)
    require_over(read_anew(by), awaited.role)
    return awaited


def accept(*, invitation: Invitation, user: User, actor: Actor, now: datetime) -> Membership:
    """user: the signed-in user, who has the invitation's address. A member keeps their role.

    Raise Invitation.DoesNotExist if it is no longer open, was sent again meanwhile, or its maker may no longer invite with that role.
    """
    with transaction.atomic():
        opened = _read_open(invitation, now)
        if user.email != opened.email:
            raise Invitation.DoesNotExist
        return _join(opened, user, actor=actor, now=now)


def accept_as_new_person(*, invitation: Invitation, name: str, hashed_password: str, actor: Actor, now: datetime) -> Membership:
    """Make an account for the invitation's address, which the link has proved, and join. hashed_password: from make_password.

    Raise like accept, and also if the address has an account by now: then its owner has to sign in.
    """
    try:
        with transaction.atomic():
            opened = _read_open(invitation, now)
            if User.objects.filter(email=opened.email).exists():
                raise Invitation.DoesNotExist
            user = accounts.create_user(email=opened.email, name=name, hashed_password=hashed_password, actor=actor, now=now)
            return _join(opened, user, actor=replace(actor, name=user.audit_name), now=now)
    except IntegrityError:
        # The account was just made through an invitation to another workspace.
        raise Invitation.DoesNotExist from None


def _read_open(invitation: Invitation, now: datetime) -> Invitation:
    lock_workspace(invitation.workspace)
    found = Invitation.objects.open(now).select_related("workspace", "invited_by")
    opened = found.get(pk=invitation.pk, token_digest=invitation.token_digest)
    if not may_invite_still(opened):
        raise Invitation.DoesNotExist
    return opened


def _join(invitation: Invitation, user: User, *, actor: Actor, now: datetime) -> Membership:
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at"])
    _record("invitation.accepted", invitation, actor=actor, now=now, after={"role": invitation.role})
    _mark_proved(user)
    inviter = invitation.invited_by
    name = inviter.audit_name if inviter else ""
    membership = add_member(workspace=invitation.workspace, user=user, role=invitation.role, invited_by=name, actor=actor, now=now)
    if inviter is not None:
        context = {"membership": membership, "workspace": invitation.workspace}
        transaction.on_commit(partial(mail.send_later, "member_joined", [inviter.email], context), robust=True)
    return membership


def _mark_proved(user: User) -> None:
    """A user with the link reads the mail of that address. If another account has already proved the address, it stays with that account."""
    if not EmailAddress.objects.filter(email=user.email, verified=True).exists():
        has_primary = EmailAddress.objects.filter(user=user, primary=True).exclude(email=user.email).exists()
        EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": not has_primary})


def _record(
    event: str, invitation: Invitation, *, actor: Actor, now: datetime, before: dict[str, str] | None = None, after: dict[str, str] | None = None
) -> None:
    audit.record(event, workspace=invitation.workspace, actor=actor, target_type="invitation", target_id=invitation.email, now=now, before=before, after=after)


def deliver(made: Iterable[NewInvitation]) -> mail.Unsent:
    """Send the emails, outside any transaction."""
    contexts = {
        new.invitation.email: {
            "invitation": new.invitation,
            "inviter": new.invitation.invited_by,
            "link": page_url(reverse("invitation_link", args=[new.plaintext])),
        }
        for new in made
    }
    return mail.send_each("invitation", contexts, is_page=True)
