"""Changes to the people of a workspace, and their results: memberships, mails, events."""

import re

import pytest
from django.core import mail as outbox
from django.utils import timezone

from clients.models import AuditEvent
from dashboard.instance import mail
from dashboard.models import Membership
from tests import factories

Role = Membership.Role


@pytest.fixture
def by(ada, demo):
    """Ada's membership, with which she invites."""
    return membership_of(ada, demo)


def membership_of(user, workspace):
    return Membership.objects.filter(user=user, workspace=workspace).first()


def role_of(user, workspace):
    return Membership.objects.filter(user=user, workspace=workspace).values_list("role", flat=True).first()


def mails():
    """Mails sent so far that aren't about signing in: address, subject and text."""
    return [(message.to[0], message.subject, message.body) for message in messages()]


def messages():
    mail.wait_until_sent()
    return [message for message in outbox.outbox if "sign-in" not in message.subject]


def link_to(email):
    """The path in the newest invitation of that address."""
    body = [body for to, _, body in mails() if to == email and "/accounts/invite/" in body][-1]
    return re.search(r"https://[^/]+(/accounts/invite/[\w-]+/)", body)[1]


def events(prefix="", **found):
    """Event, actor, target, before and after of each event whose name begins so."""
    rows = AuditEvent.objects.filter(event__startswith=prefix, **found).exclude(actor="command:tests").order_by("pk")
    return [(row.event, row.actor, row.target_id, row.before, row.after) for row in rows]


def invitation_link(by, email, role=Role.VIEWER, *, now=None):
    return f"/accounts/invite/{factories.invite(by, email, role, now=now or timezone.now()).plaintext}/"
