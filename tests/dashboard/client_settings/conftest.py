"""A client of demo that was used, and what a form about it holds."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import AddressUse, AuditEvent, Client, ClientActivity, ScopeUse, TokenCount, UsageBucket
from dashboard.client.settings.forms import ClientSettingsForm
from dashboard.models import Membership
from tests.dashboard.conftest import join, sign_in, text_of


@pytest.fixture
def client(billing):
    return billing.secret.client


@pytest.fixture
def carls(demo):
    """The browser of Carl, a developer in demo."""
    return sign_in(join(demo, "carl@example.com", Membership.Role.DEVELOPER))


def path(client, act="settings"):
    return f"/w/{client.workspace.slug}/clients/{client.client_id}/{act}/"


def entries(client):
    """What a browser would send of the form as it stands now."""
    return _entries_of(ClientSettingsForm(client=Client.objects.get(pk=client.pk)))


def entries_of(page):
    assert page.status_code == 200, text_of(page)
    return _entries_of(page.context["form"])


def _entries_of(form):
    found = {}
    for bound in form:
        value = bound.value()
        if isinstance(value, list):
            found[bound.html_name] = value
        elif value is not False and value is not None:
            found[bound.html_name] = "on" if value is True else str(value)
    return found


def changes(event="client.changed"):
    return [(row.before, row.after) for row in AuditEvent.objects.filter(event=event).exclude(actor="command:tests").order_by("pk")]


def use(client, *, credential, ago=timedelta(hours=1), count=4120, address="198.51.100.7", scopes=(), asked=True):
    """Count use as the server would."""
    at = timezone.now() - ago
    hour = at.replace(minute=0, second=0, microsecond=0)
    UsageBucket.objects.create(client=client, credential=credential, endpoint="token", outcome="granted", hour=hour, count=count)
    AddressUse.objects.create(client=client, credential=credential, address=address, day=at.date(), count=count, last_used_at=at)
    ClientActivity.objects.update_or_create(
        client=client, defaults={"workspace": client.workspace, "granted_24h": count, "last_used_at": at, "last_used_from": address}
    )
    for scope in scopes:
        ScopeUse.objects.create(client=client, scope=scope, day=at.date(), granted=count, asked=count if asked else 0)


def live(client, *, credential, count=41):
    end = timezone.now() + timedelta(minutes=30)
    TokenCount.objects.create(client=client, credential=credential, expires_at=end.replace(second=0, microsecond=0), count=count)
