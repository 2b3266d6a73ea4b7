"""Stopping or weakening all clients of a workspace requires a proof, like stopping one client, so an abandoned session can't do it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import Client, ClientSecret, Scope
from tests import factories
from tests.dashboard.accounts.conftest import age_confirmation
from tests.dashboard.settings.conftest import SETTINGS, changes, entries

API = "https://api.example.com"


@pytest.fixture
def old(adas, demo):
    """Ada signed in 11 minutes ago, and there is a client that she could break."""
    factories.create_client(demo, audiences=[API])
    age_confirmation(adas)
    return adas


# In what, and what is sent beside what stands in that form.
ACTS = {
    "forbids methods": ("preview/", {"allowed_auth_methods": ["private_key_jwt"]}),
    "gives secrets an end": ("report/", {"days": "1"}),
    "removes a scope": ("scopes/{scope.pk}/remove/", {}),
    "removes an audience": (f"audiences/remove/?uri={API}", {}),
    "keeps requests for a shorter time": ("retention/preview/", {"request_retention_days": "30", "audit_retention_days": ""}),
}


@pytest.fixture
def scope(demo):
    return Scope.objects.get(workspace=demo, name="read")


@pytest.mark.parametrize("act", ACTS)
def test_it_takes_a_proof_and_then_happens(old, scope, act):
    rest, sent = ACTS[act]
    path = SETTINGS + rest.format(scope=scope)
    if rest == "preview/":
        sent = entries(old) | sent
    response = old.post(path, sent)
    assert response["Location"].startswith("/accounts/confirm/?next=")
    client = Client.objects.get()
    assert (client.scopes, client.audiences) == (["read", "write"], [API])
    assert not changes()
    assert not ClientSecret.objects.filter(expires_at__isnull=False).exists()

    response = old.post(response["Location"], {"password": factories.PASSWORD, "next": path})
    assert response["Location"].startswith(SETTINGS)
    client = Client.objects.get()
    assert (
        (client.scopes, client.audiences) != (["read", "write"], [API])
        or changes()
        or ClientSecret.objects.filter(expires_at__lt=timezone.now() + timedelta(days=2)).exists()
    )


def test_viewing_requires_no_proof(old, scope):
    for rest, _sent in ACTS.values():
        assert old.get(SETTINGS + rest.format(scope=scope)).status_code == 200
