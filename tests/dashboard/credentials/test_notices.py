"""Mail about a rotated or ended credential goes to the client's owner and never contains a secret."""

from datetime import timedelta

import pytest
from django.core import mail as outbox
from django.utils import timezone

from clients.models import Client, ClientSecret
from clients.services.secrets import create_secret
from dashboard.client.credentials import notices
from dashboard.frame.spent_forms import new_token
from dashboard.instance import mail
from dashboard.people.account_status import disable_account
from dashboard.people.memberships import remove_member
from tests import factories
from tests.dashboard.conftest import create_public_key, text_of
from tests.dashboard.credentials.conftest import give_tokens, url, use

OWNER, ADMIN = ["payments@example.com"], ["ada@example.com"]


@pytest.fixture(autouse=True)
def _owner(client_):
    Client.objects.update(contact=OWNER[0])


def sent():
    """Without the notice of the sign-in."""
    mail.wait_until_sent()
    return [message for message in outbox.outbox if not message.subject.startswith("New sign-in")]


def rotate(browser, client, **choices):
    return browser.post(url(client, "rotate"), {"overlap": "24h", "name": "", "once": new_token(), **choices})


def revoke(browser, secret, *, reason=""):
    return browser.post(url(secret.client, "secrets", secret.secret_id, "revoke"), {"typed": secret.secret_id, "reason": reason})


def end(browser, secret):
    return browser.post(url(secret.client, "secrets", secret.secret_id, "end"), {"typed": secret.secret_id})


class TestRotation:
    def test_the_owner_is_told_without_the_secret(self, danas, client_, secret, settings):
        page = rotate(danas, client_)
        new = client_.secrets.latest("pk")
        secret.refresh_from_db()
        [message] = sent()
        assert message.to == OWNER
        assert message.subject == f"Secret {secret.secret_id} was rotated: billing-sync"
        html = message.alternatives[0].content
        for text in (message.body, " ".join(html.split())):
            assert f"Secret {new.secret_id} was made for billing-sync of Demo on" in text
            assert "UTC by Dana Scully (dana@example.com)." in text
            assert f"The old secret {secret.secret_id} works until {secret.expires_at:%-d %b %Y %H:%M} UTC." in text
            assert f"{settings.ISSUER_URL}{url(client_)}" in text
            assert "tos_live_" not in text
        assert "tos_live_" in page.content.decode()

    def test_the_admins_are_told_too_if_a_used_secret_ends_at_once(self, danas, client_):
        rotate(danas, client_, overlap="0")
        assert [message.to for message in sent()] == [OWNER]
        outbox.outbox.clear()
        newest = client_.secrets.latest("pk")
        use(newest)
        rotate(danas, client_, overlap="0")
        assert [message.to for message in sent()] == [OWNER, ADMIN]
        assert f"The old secret {newest.secret_id} no longer works." in sent()[0].body

    @pytest.mark.parametrize("contact", ["Dana@Example.com", "Team Payments"])
    def test_neither_to_somebody_who_did_it_nor_if_the_owner_is_no_address(self, danas, client_, contact):
        Client.objects.update(contact=contact)
        rotate(danas, client_)
        assert sent() == []


class TestRevocation:
    def test_for_a_used_credential_owner_and_admins_are_told_who_used_it(self, danas, client_, secret):
        create_secret(client=client_, name="next", actor=factories.TESTS, now=timezone.now())
        use(secret, "198.51.100.7", count=212)
        give_tokens(secret, 3)
        revoke(danas, secret, reason="Pasted in a <b>ticket</b>")
        assert [message.to for message in sent()] == [OWNER, ADMIN]
        [message, _] = sent()
        assert message.subject == f"Secret {secret.secret_id} was revoked: billing-sync"
        assert "UTC by Dana Scully (dana@example.com)." in message.body
        assert "Reason: “Pasted in a <b>ticket</b>”." in message.body
        assert f"Secret {secret.secret_id}: billing-sync of Demo can’t get tokens with it any more. 3 tokens ended with it." in message.body
        assert "- 198.51.100.7, 212 times in 7 days" in message.body
        assert "Its other credentials still work:" in message.body
        assert "Pasted in a &lt;b&gt;ticket&lt;/b&gt;" in message.alternatives[0].content

    def test_of_what_nothing_uses_is_told_the_owner_unless_it_was_refused(self, danas, secret):
        danas.post(url(secret.client, "secrets", secret.secret_id, "revoke"), {"typed": "another"})
        assert sent() == []
        revoke(danas, secret)
        [message] = sent()
        assert message.to == OWNER
        assert "It had no valid tokens." in message.body
        assert "Nothing had used it for 7 days." in message.body
        assert "billing-sync has no other credential, and gets no tokens until it has a new credential:" in message.body

    def test_of_a_public_key_too(self, danas, client_):
        Client.objects.update(auth_methods=["client_secret_basic", "private_key_jwt"])
        key = create_public_key(Client.objects.get(), kid="laptop")
        danas.post(url(client_, "keys", "laptop", "revoke"), {"typed": "laptop"})
        key.refresh_from_db()
        assert key.revoked_at is not None
        assert [message.subject for message in sent()] == ["Public key laptop was revoked: billing-sync"]


def test_an_end_says_that_tokens_keep_working(danas, secret):
    use(secret)
    give_tokens(secret, 1)
    end(danas, secret)
    assert [message.to for message in sent()] == [OWNER, ADMIN]
    assert sent()[0].subject == f"Secret {secret.secret_id} was ended: billing-sync"
    assert "1 token issued with it stays valid until it expires." in sent()[0].body


def switch_off(membership):
    disable_account(user=membership.user, actor=factories.TESTS, now=timezone.now())


def take_out(membership):
    """Remove the member as single sign-on does, without a new contact."""
    remove_member(membership=membership, by=None, actor=factories.TESTS, now=timezone.now())


class TestPages:
    """The page says before the click who will be told."""

    @pytest.mark.parametrize("page", ["revoke", "end"])
    def test_that_end_a_secret(self, danas, secret, page):
        here = url(secret.client, "secrets", secret.secret_id, page)
        assert "We tell payments@example.com." in text_of(danas.get(here))
        use(secret)
        assert "We tell payments@example.com and the admins." in text_of(danas.get(here))
        Client.objects.update(contact="dana@example.com")
        assert "We tell the admins." in text_of(danas.get(here))

    def test_that_rotate_it(self, danas, client_, secret):
        here = url(client_, "rotate")
        assert "We tell payments@example.com that you rotated it." in text_of(danas.get(here))
        use(secret)
        assert "We tell payments@example.com and the admins that you rotated it." in text_of(danas.get(f"{here}?overlap=0"))
        Client.objects.update(contact="")
        assert "that you rotated it" not in text_of(danas.get(here))

    @pytest.mark.parametrize("page", ["revoke", "end", "rotate"])
    @pytest.mark.parametrize("leave", [switch_off, take_out])
    def test_the_page_promises_no_mail_to_an_owner_who_gets_none(self, danas, secret, page, leave):
        here = url(secret.client, "rotate") if page == "rotate" else url(secret.client, "secrets", secret.secret_id, page)
        Client.objects.update(contact="Payments@example.com")
        membership = factories.add_member(secret.client.workspace, factories.create_user(*OWNER))
        assert "We tell Payments@example.com" in text_of(danas.get(here))
        leave(membership)
        assert "We tell Payments@example.com" not in text_of(danas.get(here))


def stop(browser, secrets):
    return browser.post("/w/demo/leak/stop/", {"what": [f"s.{secret.secret_id}" for secret in secrets]})


class TestLeak:
    def test_is_told_owner_and_admins_whoever_used_it_and_once(self, danas, secret):
        for _ in range(2):
            stop(danas, [secret])
            assert [(message.to, message.subject) for message in sent()] == [
                (OWNER, f"Secret {secret.secret_id} was revoked: billing-sync"),
                (ADMIN, f"Secret {secret.secret_id} was revoked: billing-sync"),
            ]
        assert "Reason: “leaked”." in sent()[0].body

    @pytest.mark.parametrize("count", [1, 5])
    def test_many_revocations_are_one_mail_to_each_person(self, danas, client_, demo, count, monkeypatch):
        monkeypatch.setattr(notices, "_MAX_MEASURED", 4)
        factories.create_client(demo, name="route-planner", contact="routes@example.com")
        now = timezone.now() - timedelta(days=1)
        for number in range(count):
            create_secret(client=client_, name=str(number), actor=factories.TESTS, now=now)
        stop(danas, ClientSecret.objects.all())
        found = {message.to[0]: message for message in sent()}
        assert sorted(found) == ["ada@example.com", "payments@example.com", "routes@example.com"]
        assert found["ada@example.com"].subject == f"{count + 2} credentials were revoked: Demo"
        assert found["payments@example.com"].subject == f"{count + 1} credentials were revoked: Demo"
        for secret in client_.secrets.all():
            assert f"Secret {secret.secret_id}: billing-sync of Demo" in found["ada@example.com"].body
