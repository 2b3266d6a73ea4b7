"""The changes that an operator can make in the admin: each shows first what will stop, then goes through its service."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import AuditEvent, Client, ClientCertificate, ClientPublicKey, ClientSecret, UsageBucket
from clients.services.clients import disable_client
from dashboard.admin import confirmation
from tests import factories
from tests.dashboard.conftest import Browser, create_certificate, create_public_key, make_certificate
from tests.dashboard.test_admin import list_url, row_url


@pytest.fixture
def choose(admin):
    """Choose an action for rows; with confirmed, do it."""

    def choose(action, *rows, follow=False, **fields):
        return admin.post(list_url(type(rows[0])), {"action": action, "_selected_action": [row.pk for row in rows], **fields}, follow=follow)

    return choose


@pytest.fixture
def client(billing):
    return billing.secret.client


def say(response):
    return " ".join(response.content.decode().split())


@pytest.mark.long
def test_disabling_says_first_what_will_stop_then_does_it_and_is_recorded_and_enabling_as_well(choose, client, olga, now):
    UsageBucket.objects.create(client=client, credential="", endpoint="token", outcome="granted", hour=now, count=1200)
    UsageBucket.objects.create(client=client, credential="", endpoint="token", outcome="granted", hour=now - timedelta(days=2), count=5)
    ClientSecret.objects.update(last_used_at=now - timedelta(hours=3))
    assert "It is already enabled. Nothing changes." in say(choose("enable_clients", client))
    text = say(choose("disable_clients", client))
    assert "<h1>Disable these clients?</h1>" in text
    assert f"billing-sync ({client.client_id})" in text
    assert "all its tokens stop working at once" in text
    assert "Last used 3 hours ago. 1,200 of its requests were granted in the last 24 hours." in text
    client.refresh_from_db()
    assert client.status == Client.Status.ENABLED
    assert "Disabled: 1." in say(choose("disable_clients", client, confirmed="yes", follow=True))
    client.refresh_from_db()
    assert client.status == Client.Status.DISABLED
    assert "It is already disabled. Nothing changes." in say(choose("disable_clients", client))
    choose("disable_clients", client, confirmed="yes")
    event = AuditEvent.objects.get(event="client.disabled")
    assert (event.actor, event.address, event.target_id) == (f"user:{olga.pk} {olga.email}", "127.0.0.1", client.client_id)
    assert len(event.request_id) == 32
    assert "It can get tokens again, with 1 usable secret." in say(choose("enable_clients", client))
    assert "Enabled: 1." in say(choose("enable_clients", client, confirmed="yes", follow=True))
    client.refresh_from_db()
    assert client.status == Client.Status.ENABLED
    assert AuditEvent.objects.filter(event="client.enabled").count() == 1


@pytest.mark.long
@pytest.mark.parametrize(
    ("create", "noun", "more"),
    [
        (lambda client: client.secrets.get(), "secret", lambda client: factories.create_secret(client)),
        (create_public_key, "public key", lambda client: create_public_key(client, kid="spare")),
        (create_certificate, "certificate", lambda client: create_certificate(client, make_certificate("spare"))),
    ],
)
def test_revoking_says_first_what_is_left_then_does_it_and_is_recorded(choose, client, olga, create, noun, more):
    row = create(client)
    text = say(choose("revoke_credentials", row))
    assert f"Revoke these {noun}s?" in text
    assert "so does every token that it obtained" in text
    assert "Never used so far." in text
    assert f"billing-sync ({client.client_id}) has no other usable {noun}. Until you add one, it gets no tokens with a {noun}." in text
    Client.objects.update(jwks_uri="https://client.example/keys", tls_subject_type=Client.TLSSubjectType.SAN_DNS, tls_subject="client.example")
    left = {
        "secret": "has no other usable secret",
        "public key": f"The keys that {client} publishes at https://client.example/keys still work.",
        "certificate": "Certificates for client.example from a trusted CA still work.",
    }
    assert left[noun] in say(choose("revoke_credentials", row))
    more(client)
    assert f"keeps 1 usable {noun}." in say(choose("revoke_credentials", row))
    assert "Revoked: 1." in say(choose("revoke_credentials", row, confirmed="yes", follow=True))
    row.refresh_from_db()
    assert row.revoked_at is not None
    assert "It is already revoked. Nothing changes." in say(choose("revoke_credentials", row))
    choose("revoke_credentials", row, confirmed="yes")
    assert AuditEvent.objects.get(event=f"{noun.replace(' ', '_')}.revoked").actor == f"user:{olga.pk} {olga.email}"


def test_disabling_and_enabling_count_every_kind_of_credential(choose, client, now):
    create_public_key(client)
    create_public_key(client, kid="spare")
    certificate = create_certificate(client)
    certificate.last_used_at = now - timedelta(hours=2)
    certificate.save()
    ClientSecret.objects.update(last_used_at=now - timedelta(days=3))
    assert "Last used 2 hours ago." in say(choose("disable_clients", client))
    disable_client(client=client, actor=factories.TESTS, now=timezone.now())
    assert "with 1 usable secret, 2 usable public keys and 1 usable certificate." in say(choose("enable_clients", client))
    for kind in (ClientSecret, ClientPublicKey, ClientCertificate):
        kind.objects.update(revoked_at=now)
    assert "It will be enabled, but no usable secret, public key or certificate is registered." in say(choose("enable_clients", client))


def test_several_at_once_and_too_many_change_nothing(choose, demo, monkeypatch):
    clients = [factories.create_client(demo, name=f"client-{number}").secret.client for number in range(3)]
    assert say(choose("disable_clients", *clients)).count("<h2>client-") == 3
    with monkeypatch.context() as few:
        few.setattr(confirmation, "MAX", 1)
        assert "Nothing was changed: more than 1 rows are selected." in say(choose("disable_clients", *clients, confirmed="yes", follow=True))
    assert not Client.objects.filter(status=Client.Status.DISABLED).exists()
    choose("disable_clients", *clients, confirmed="yes")
    assert Client.objects.filter(status=Client.Status.DISABLED).count() == 3


@pytest.fixture
def buttons(admin):
    def buttons(row):
        row.refresh_from_db()
        return re.findall(r'<button type="submit">(\w+)…</button>', say(admin.get(row_url(row))))

    return buttons


def test_a_row_has_a_button_for_what_can_be_done(buttons, choose, billing, client, signing_key):
    assert buttons(client) == ["Disable"]
    choose("disable_clients", client, confirmed="yes")
    assert buttons(client) == ["Enable"]
    assert buttons(billing.secret) == ["Revoke"]
    choose("revoke_credentials", billing.secret, confirmed="yes")
    assert buttons(billing.secret) == []
    assert buttons(signing_key) == []
    assert buttons(create_public_key(client)) == buttons(create_certificate(client)) == ["Revoke"]


def test_a_link_another_site_and_members_of_the_workspace_can_do_nothing(admin, olga, ada, client):
    form = {"action": "disable_clients", "_selected_action": client.pk, "confirmed": "yes"}
    admin.get(list_url(Client), form)
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(olga)
    assert browser.post(list_url(Client), form).status_code == 403
    browser = Browser()
    browser.force_login(ada)
    browser.post(list_url(Client), form)
    client.refresh_from_db()
    assert client.status == Client.Status.ENABLED
