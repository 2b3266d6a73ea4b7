"""The changes that an operator can make in the admin: each shows first what will stop, then goes through its service."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import AuditEvent, Client, ClientCertificate, ClientPublicKey, ClientSecret, UsageBucket
from clients.services.clients import disable_client
from dashboard.admin import confirmation
from tests import factories
from tests.dashboard.conftest import Browser, create_certificate, create_public_key
from tests.dashboard.test_admin import list_url, row_url


@pytest.fixture
def choose(admin):
    """Choose an action for rows; with confirmed, do it."""

    def choose(action, *rows, **fields):
        return admin.post(list_url(type(rows[0])), {"action": action, "_selected_action": [row.pk for row in rows], **fields}, follow=True)

    return choose


@pytest.fixture
def client(billing):
    return billing.secret.client


def say(response):
    return " ".join(response.content.decode().split())


def test_disabling_says_first_what_will_stop(choose, client, now):
    UsageBucket.objects.create(client=client, credential="", endpoint="token", outcome="granted", hour=now, count=1200)
    UsageBucket.objects.create(client=client, credential="", endpoint="token", outcome="granted", hour=now - timedelta(days=2), count=5)
    ClientSecret.objects.update(last_used_at=now - timedelta(hours=3))
    text = say(choose("disable_clients", client))
    assert "<h1>Disable these clients?</h1>" in text
    assert f"billing-sync ({client.client_id})" in text
    assert "all its tokens stop working at once" in text
    assert "Last used 3 hours ago. 1,200 of its requests were granted in the last 24 hours." in text
    client.refresh_from_db()
    assert client.status == Client.Status.ENABLED


def test_disabling_disables_and_is_recorded(choose, client, olga):
    response = choose("disable_clients", client, confirmed="yes")
    client.refresh_from_db()
    event = AuditEvent.objects.get(event="client.disabled")
    assert client.status == Client.Status.DISABLED
    assert "Disabled: 1." in say(response)
    assert (event.actor, event.address, event.target_id) == (f"user:{olga.pk} {olga.email}", "127.0.0.1", client.client_id)
    assert len(event.request_id) == 32


def test_enabling_says_what_will_work_again(choose, client):
    disable_client(client=client, actor=factories.TESTS, now=timezone.now())
    assert "It can get tokens again, with 1 usable secret." in say(choose("enable_clients", client))
    response = choose("enable_clients", client, confirmed="yes")
    client.refresh_from_db()
    assert client.status == Client.Status.ENABLED
    assert "Enabled: 1." in say(response)
    assert AuditEvent.objects.filter(event="client.enabled").count() == 1


def test_what_is_so_already_stays_and_is_said(choose, client):
    assert "It is already enabled. Nothing changes." in say(choose("enable_clients", client))
    choose("disable_clients", client, confirmed="yes")
    assert "It is already disabled. Nothing changes." in say(choose("disable_clients", client))
    choose("disable_clients", client, confirmed="yes")
    assert AuditEvent.objects.filter(event="client.disabled").count() == 1


def test_revoking_the_last_secret_warns(choose, billing, client):
    text = say(choose("revoke_credentials", billing.secret))
    assert "Revoke these secrets?" in text
    assert "so does every token that it obtained" in text
    assert "Never used so far." in text
    assert f"billing-sync ({client.client_id}) has no other usable secret, so it gets no tokens with a secret until it has a new one." in text


@pytest.mark.parametrize(("others", "left"), [(1, "keeps 1 usable secret."), (2, "keeps 2 usable secrets.")])
def test_revoking_says_what_is_left(choose, billing, client, others, left):
    for _ in range(others):
        factories.create_secret(client)
    assert left in say(choose("revoke_credentials", billing.secret))


def test_revoking_revokes_and_is_recorded(choose, billing, olga):
    response = choose("revoke_credentials", billing.secret, confirmed="yes")
    billing.secret.refresh_from_db()
    event = AuditEvent.objects.get(event="secret.revoked")
    assert billing.secret.revoked_at is not None
    assert event.actor == f"user:{olga.pk} {olga.email}"
    assert "Revoked: 1." in say(response)
    assert "It is already revoked. Nothing changes." in say(choose("revoke_credentials", billing.secret))


@pytest.mark.parametrize(
    ("create", "noun"),
    [(create_public_key, "public key"), (create_certificate, "certificate")],
)
class TestPublicKeysAndCertificates:
    def test_revoking_the_last_one_warns(self, choose, client, create, noun):
        text = say(choose("revoke_credentials", create(client)))
        assert f"Revoke these {noun}s?" in text
        assert "so does every token that it obtained" in text
        assert f"has no other usable {noun}, so it gets no tokens with a {noun} until it has a new one." in text

    def test_revoking_says_what_is_left(self, choose, client, create, noun):
        key = create(client)
        create(client, **({"kid": "spare"} if noun == "public key" else {}))
        assert f"keeps 1 usable {noun}." in say(choose("revoke_credentials", key))

    def test_revoking_says_what_of_the_kind_is_registered_elsewhere(self, choose, client, create, noun):
        Client.objects.update(jwks_uri="https://client.example/keys", tls_subject_type=Client.TLSSubjectType.SAN_DNS, tls_subject="client.example")
        left = {
            "public key": f"The keys that {client} publishes at https://client.example/keys still work.",
            "certificate": "Certificates for client.example from a trusted CA still work.",
        }
        assert left[noun] in say(choose("revoke_credentials", create(client)))

    def test_revoking_revokes_and_is_recorded(self, choose, client, olga, create, noun):
        key = create(client)
        response = choose("revoke_credentials", key, confirmed="yes")
        key.refresh_from_db()
        assert key.revoked_at is not None
        event = f"{noun.replace(' ', '_')}.revoked"
        assert AuditEvent.objects.get(event=event).actor == f"user:{olga.pk} {olga.email}"
        assert "Revoked: 1." in say(response)
        assert "It is already revoked. Nothing changes." in say(choose("revoke_credentials", key))
        choose("revoke_credentials", key, confirmed="yes")
        assert AuditEvent.objects.filter(event=event).count() == 1


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
    assert "with no usable credential." in say(choose("enable_clients", client))


def test_several_at_once(choose, demo):
    clients = [factories.create_client(demo, name=f"client-{number}").secret.client for number in range(3)]
    assert say(choose("disable_clients", *clients)).count("<h2>client-") == 3
    choose("disable_clients", *clients, confirmed="yes")
    assert Client.objects.filter(status=Client.Status.DISABLED).count() == 3


def test_too_many_at_once_change_nothing(choose, demo, monkeypatch):
    monkeypatch.setattr(confirmation, "MAX", 1)
    clients = [factories.create_client(demo).secret.client for _ in range(2)]
    response = choose("disable_clients", *clients, confirmed="yes")
    assert "Nothing was changed: more than 1 rows are selected." in say(response)
    assert not Client.objects.filter(status=Client.Status.DISABLED).exists()


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


def test_a_link_does_nothing(admin, client):
    admin.get(list_url(Client), {"action": "disable_clients", "_selected_action": client.pk, "confirmed": "yes"})
    client.refresh_from_db()
    assert client.status == Client.Status.ENABLED


def test_another_site_can_do_nothing(olga, client):
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(olga)
    response = browser.post(list_url(Client), {"action": "disable_clients", "_selected_action": client.pk, "confirmed": "yes"})
    client.refresh_from_db()
    assert (response.status_code, client.status) == (403, Client.Status.ENABLED)


def test_members_of_the_workspace_can_do_nothing_here(browser, ada, client):
    browser.force_login(ada)
    browser.post(list_url(Client), {"action": "disable_clients", "_selected_action": client.pk, "confirmed": "yes"})
    client.refresh_from_db()
    assert client.status == Client.Status.ENABLED
