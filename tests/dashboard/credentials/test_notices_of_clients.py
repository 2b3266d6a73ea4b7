"""A client's owner hears of every change that lets others in or stops its programs, wherever it is made."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import AuditEvent, Client, ClientSecret, Workspace
from clients.services.clients import disable_client
from dashboard.background import schedule
from dashboard.client import client_notices
from dashboard.frame.spent_forms import new_token
from dashboard.models import Membership
from tests import factories
from tests.dashboard.credentials.conftest import url
from tests.dashboard.credentials.test_notices import sent
from tests.dashboard.credentials.test_public_keys import add, jwk_set
from tests.dashboard.test_admin import list_url

OWNER = "payments@example.com"


@pytest.fixture(autouse=True)
def _owner(client_):
    Client.objects.update(contact=OWNER)
    client_.refresh_from_db()


def told():
    return [message.subject for message in sent() if message.to == [OWNER]]


def test_an_additional_secret_is_announced(danas, client_):
    answer = danas.post(url(client_, "secrets", "new"), {"name": "", "secret_expiry": "90d", "once": new_token()})
    assert answer.status_code == 200
    assert told() == ["A secret was added: billing-sync"]
    new = client_.secrets.latest("pk")
    [message] = sent()
    for text in (message.body, " ".join(message.alternatives[0].content.split())):
        assert "by Dana Scully (dana@example.com)" in text
        assert f"{url(client_)}" in text
        assert new.secret_id in text
        assert "tos_live_" not in text
    # Whoever does it hears nothing.
    Client.objects.update(contact="dana@example.com")
    danas.post(url(client_, "secrets", "new"), {"name": "", "secret_expiry": "90d", "once": new_token()})
    assert sent() == [message]


@pytest.mark.django_db(transaction=True)
def test_a_notice_that_cannot_be_made_changes_no_answer(danas, client_, monkeypatch, caplog):
    """Its secret is shown once, and an error page would lose it."""

    def fail(*_, **__):
        raise RuntimeError("no notice")

    monkeypatch.setattr(client_notices, "owner_named", fail)
    answer = danas.post(url(client_, "secrets", "new"), {"name": "", "secret_expiry": "90d", "once": new_token()})
    assert answer.status_code == 200
    assert "tos_live_" in answer.content.decode()
    assert "no notice" in caplog.text


def test_public_keys(danas, client_):
    assert add(danas, client_, jwk_set("a", "b")).status_code == 302
    assert told() == ["Public keys were added: billing-sync"]


def test_a_hand_over_link(danas, client_):
    link = {"once": new_token(), "recipient": "jonas@example.com", "lifetime": "24h", "secret_expiry": "90d"}
    assert danas.post(url(client_, "hand-over"), link).status_code == 200
    assert told() == ["A hand-over link was made: billing-sync"]
    [message] = sent()
    for text in (message.body, " ".join(message.alternatives[0].content.split())):
        assert "by Dana Scully (dana@example.com)" in text
        assert "for jonas@example.com" in text
        assert "/accounts/hand-over/" not in text


def test_that_it_is_disabled_and_enabled(adas, client_):
    adas.post(url(client_, "disable"), {"reason": ""})
    adas.post(url(client_, "enable"))
    assert told() == ["A client was disabled: billing-sync", "A client was enabled: billing-sync"]


class TestOfAnUnusedClient:
    """A client that the workspace's policy disables."""

    @pytest.fixture(autouse=True)
    def _unused(self):
        Client.objects.update(created_at=timezone.now() - timedelta(days=200))
        Workspace.objects.update(disable_unused_after_days=90)

    def run(self, run_after_commit):
        with run_after_commit(execute=True):
            schedule.disable_unused_clients_if_due()

    def test_the_owner_hears_of_a_disabled_unused_client(self, django_capture_on_commit_callbacks):
        self.run(django_capture_on_commit_callbacks)
        assert told() == ["A client was disabled: billing-sync"]
        assert "by TokenOS, in Demo. Reason: “unused for 90 days”." in sent()[0].body

    @pytest.mark.parametrize("contact", ["", "Team Payments"])
    def test_the_admins_hear_if_nobody_else_can(self, django_capture_on_commit_callbacks, contact):
        Client.objects.update(contact=contact)
        self.run(django_capture_on_commit_callbacks)
        assert [(message.to, message.subject) for message in sent()] == [(["ada@example.com"], "A client was disabled: billing-sync")]

    def test_of_several_one_mail(self, django_capture_on_commit_callbacks, demo):
        factories.create_client(demo, contact=OWNER, now=timezone.now() - timedelta(days=200))
        self.run(django_capture_on_commit_callbacks)
        assert told() == ["Clients were disabled: 2 clients in Demo"]


class TestBeforeAnUnusedClientIsDisabled:
    """By the workspace's policy."""

    @pytest.fixture
    def run(self, demo, django_capture_on_commit_callbacks):
        def run(**fields):
            factories.create_client(demo, name="second", contact=OWNER)
            Client.objects.update(created_at=timezone.now() - timedelta(days=85), **fields)
            Workspace.objects.update(disable_unused_after_days=90)
            with django_capture_on_commit_callbacks(execute=True):
                schedule.disable_unused_clients_if_due()
            assert not Client.objects.filter(status="disabled").exists()

        return run

    def test_its_owner_hears_in_one_mail_of_several(self, run):
        run()
        assert told() == ["Unused clients will be disabled: 2 in Demo"]
        [message] = sent()
        by = timezone.now() + timedelta(days=7)
        for text in (message.body, " ".join(message.alternatives[0].content.split())):
            assert (
                f"The workspace Demo disables clients after 90 days without use, so the clients below will be disabled by {by:%d %b %Y}".replace(" 0", " ")
                in text
            )
            assert all(f"/w/demo/clients/{client.client_id}/" in text for client in Client.objects.all())

    def test_the_admins_hear_if_nobody_else_can(self, run):
        run(contact="")
        assert [(message.to, message.subject) for message in sent()] == [(["ada@example.com"], "Unused clients will be disabled: 2 in Demo")]


def test_that_it_is_deleted(adas, client_):
    AuditEvent.objects.all().delete()
    disable_client(client=client_, actor=factories.TESTS, now=timezone.now() - timedelta(days=40))
    assert adas.post(url(client_, "delete"), {"name": "billing-sync"})["Location"] == "/w/demo/clients/"
    assert told() == ["A client was deleted: billing-sync"]
    [message] = sent()
    assert f"billing-sync ({client_.client_id})" in message.body


class TestAdmin:
    def test_revoked_credentials_in_one_mail_to_each_workspace(self, admin, client_, other):
        theirs = factories.create_client(other, contact=OWNER).secret
        several = [client_.secrets.get(), factories.create_secret(client_).secret, theirs]
        form = {"action": "revoke_credentials", "_selected_action": [secret.pk for secret in several], "confirmed": "yes"}
        admin.post(list_url(ClientSecret), form)
        assert sorted(told()) == ["2 credentials were revoked: Demo", f"Secret {theirs.secret_id} was revoked: billing-sync"]

    @pytest.mark.parametrize(("number", "subject"), [(1, "A client was disabled: billing-sync"), (2, "Clients were disabled: 2 clients in Demo")])
    def test_disabled_clients(self, admin, demo, client_, number, subject):
        pks = [client_.pk, factories.create_client(demo, contact=OWNER).secret.client.pk][:number]
        admin.post(list_url(Client), {"action": "disable_clients", "_selected_action": pks, "confirmed": "yes"})
        assert told() == [subject]


@pytest.mark.usefixtures("demo")
class TestOwners:
    def test_hear_of_a_new_one(self, adas, demo):
        factories.add_member(demo, factories.create_user("olga@example.com"), Membership.Role.OWNER)
        mia = factories.add_member(demo, factories.create_user("mia@example.com"))
        adas.post(f"/w/demo/members/{mia.pk}/role/", {"role": "owner"})
        subjects = {message.to[0]: message.subject for message in sent()}
        assert subjects["olga@example.com"] == "A new owner: Demo"
        assert subjects["ada@example.com"] == "A new owner: Demo"
        assert subjects["mia@example.com"] == "You are now an owner in Demo"

    def test_hear_that_their_own_session_deletes_the_workspace(self, adas):
        adas.post("/w/demo/settings/delete/", {"slug": "demo"})
        assert [message.to for message in sent()] == [["ada@example.com"]]
