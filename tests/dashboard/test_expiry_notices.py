"""Mail before a credential expires: once for each step, to people who can do something about it."""

import time
from datetime import timedelta
from secrets import token_urlsafe
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused

import pytest
from django.core import mail as outbox
from django.core.mail.backends.locmem import EmailBackend
from django.core.mail.message import sanitize_address

from clients.models import Client, ClientPublicKey, ClientSecret
from clients.services import rotation, secret_ends, secrets, usage
from clients.services.clients import disable_client
from dashboard.background import schedule
from dashboard.client.credentials import expiry_notices
from dashboard.instance import mail
from dashboard.models import ExpiryNotice, Membership, ScheduledJob, User
from dashboard.people import quotas
from tests import factories
from tests.dashboard.conftest import create_certificate, create_public_key
from tests.dashboard.credentials.conftest import use
from tests.dashboard.test_mail_queue import Slow
from tests.kept_rows import kept

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def client_(demo, now):
    # The kept client has the same name in each test.
    expiry_notices._failed.clear()
    return kept(lambda: factories.create_client(demo, contact="payments@example.com", now=now - 100 * DAY, secret_lifetime=365 * DAY).secret.client)


@pytest.fixture
def secret(client_):
    return client_.secrets.get()


def end(row, at):
    row.expires_at = at
    row.save(update_fields=["expires_at"])


def several(client, count, now, at):
    """Secrets of it that end then. Their rows are all that matters here."""
    row = {"client": client, "hash": "$argon2id$", "created_at": now - 90 * DAY, "expires_at": at}
    rows = [ClientSecret(secret_id=token_urlsafe(9), **row) for _ in range(count)]
    ClientSecret.objects.bulk_create(rows)


def send(now):
    """The mails of one round."""
    before = len(outbox.outbox)
    expiry_notices.send_due(now=now)
    return outbox.outbox[before:]


@pytest.mark.long
def test_the_owner_is_told_30_7_and_1_days_before_and_each_time_once(secret, now):
    end(secret, now + 31 * DAY)
    assert send(now) == []
    for later, left in ((DAY, "30 days"), (24 * DAY, "7 days"), (30 * DAY, "24 h")):
        [message] = send(now + later)
        assert message.subject == f"Secret {secret.secret_id} expires in {left}: billing-sync"
        assert message.to == ["payments@example.com"]
        assert send(now + later) == send(now + later + HOUR) == []


def test_the_mail_says_what_when_who_uses_it_and_where_it_is_mended(settings, secret, now):
    end(secret, now + 3 * DAY)
    use(secret, "198.51.100.7", count=212)
    [message] = send(now)
    text = message.body
    assert f"It expires on {now + 3 * DAY:%-d %b %Y %H:%M} UTC. From then on billing-sync of Demo gets no tokens with it." in text
    assert "- 198.51.100.7, 212 times in 7 days" in text
    assert f"{settings.ISSUER_URL}/w/demo/clients/{secret.client.client_id}/rotate/" in text
    assert "198.51.100.7" in message.alternatives[0].content
    # The mark says of what it is, and goes after its end.
    assert str(ExpiryNotice.objects.get()).startswith(f"{secret.client.client_id} {secret.secret_id} 604800 s before")
    send(now + 4 * DAY)
    assert not ExpiryNotice.objects.exists()


@pytest.mark.parametrize(("ago", "said"), [(94 * DAY, "Nothing has used it for 94 days."), (HOUR, "It was used on"), (None, "Nothing has ever used it.")])
def test_what_nothing_uses_or_an_address_that_nobody_knows_is_said_so(secret, now, ago, said):
    end(secret, now + 3 * DAY)
    ClientSecret.objects.filter(pk=secret.pk).update(last_used_at=ago and now - ago)
    assert said in send(now)[0].body


def test_the_last_day_of_what_is_used_is_told_the_admins_too(demo, dan, secret, now):
    end(secret, now + 20 * HOUR)
    use(secret)
    assert [message.to for message in send(now)] == [["payments@example.com"], ["ada@example.com"], ["dan@example.com"]]


def test_if_the_owner_is_no_address_the_admins_are_told_and_without_any_nobody(secret, now):
    Client.objects.update(contact="Team Payments")
    end(secret, now + 3 * DAY)
    assert [message.to for message in send(now)] == [["ada@example.com"]]
    Client.objects.update(contact="")
    Membership.objects.all().delete()
    end(secret, now + 2 * DAY)
    ExpiryNotice.objects.all().delete()
    assert send(now) == []
    assert ExpiryNotice.objects.count() == 1


@pytest.mark.long
def test_an_old_secret_in_its_overlap_is_told_an_hour_before_its_end_if_something_uses_it(settings, client_, secret, now):
    rotation.rotate_secret(client=client_, overlap=DAY, actor=factories.TESTS, now=now - 23 * HOUR - timedelta(minutes=5))
    secret.refresh_from_db()
    assert send(now - HOUR) == []
    assert send(now) == []
    use(secret)
    [message, *_] = send(now)
    assert message.subject == f"Secret {secret.secret_id} expires in 55 min: billing-sync"
    assert "Deploy the new secret wherever the old one is used, or give the old one more time:" in message.body
    assert f"/secrets/{secret.secret_id}/extend/" in message.body
    assert send(now) == []


def test_an_end_that_was_moved_is_told_again(client_, secret, now):
    rotation.rotate_secret(client=client_, overlap=30 * 60 * timedelta(seconds=1), actor=factories.TESTS, now=now - timedelta(minutes=10))
    use(secret, ago=timedelta(minutes=1))
    secret.refresh_from_db()
    assert send(now)
    secret_ends.extend_secret(client=client_, secret_id=secret.secret_id, expires_at=secret.expires_at + DAY, actor=factories.TESTS, now=now)
    assert send(now) == []
    use_again = secret.expires_at + DAY - timedelta(minutes=30)
    ClientSecret.objects.filter(pk=secret.pk).update(last_used_at=use_again - timedelta(minutes=5))
    assert send(use_again)


def test_a_credential_that_never_lived_so_long_is_not_told_at_once(client_, secret, now):
    short = factories.create_secret(client_, lifetime=7 * DAY, now=now).secret
    end(secret, now + 300 * DAY)
    assert send(now) == []
    assert f"Secret {short.secret_id} expires in 24 h" in send(now + 6 * DAY)[0].subject


def test_public_keys_and_certificates_are_told_as_well(client_, secret, now):
    end(secret, None)
    key = create_public_key(client_, kid="laptop")
    ClientPublicKey.objects.filter(pk=key.pk).update(created_at=now - 90 * DAY, expires_at=now + 3 * DAY)
    certificate = create_certificate(client_, name="Gateway")
    end(certificate, now + 5 * DAY)
    type(certificate).objects.filter(pk=certificate.pk).update(created_at=now - 90 * DAY)
    subjects = {message.subject: message.body for message in send(now)}
    assert list(subjects) == ["Public key laptop expires in 3 days: billing-sync", "Certificate Gateway expires in 5 days: billing-sync"]
    assert "/keys/new/" in subjects["Public key laptop expires in 3 days: billing-sync"]
    assert "/certificates/new/" in subjects["Certificate Gateway expires in 5 days: billing-sync"]


def test_what_is_revoked_disabled_or_about_to_be_deleted_is_told_nobody(client_, secret, now):
    end(secret, now + 3 * DAY)
    disable_client(client=client_, actor=factories.TESTS, now=now)
    assert send(now) == []
    Client.objects.update(status="enabled")
    client_.workspace.deletes_at = now + DAY
    client_.workspace.save(update_fields=["deletes_at"])
    assert send(now) == []
    client_.workspace.deletes_at = None
    client_.workspace.save(update_fields=["deletes_at"])
    secrets.revoke_secret(client=client_, secret_id=secret.secret_id, actor=factories.TESTS, now=now)
    assert send(now) == []


def test_what_the_mail_server_did_not_take_comes_again(secret, now, monkeypatch):
    end(secret, now + 3 * DAY)

    def refuse(*_arguments, **_options):
        raise SMTPException

    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.EmailMultiAlternatives.send", refuse)
        assert send(now) == []
    assert not ExpiryNotice.objects.exists()
    assert len(send(now)) == 1


def test_a_mail_server_that_takes_none_ends_the_round_after_three(client_, secret, now, monkeypatch):
    several(client_, 5, now, now + 3 * DAY)
    tried: list[object] = []
    monkeypatch.setattr(expiry_notices.mail, "send_each", lambda _name, contexts: tried.append(contexts) or mail.Unsent(list(contexts), []))
    assert expiry_notices.send_due(now=now) == 0
    assert len(tried) == 3


class Refusing(EmailBackend):
    """A mail server that refuses refused.example."""

    code = 550

    def send_messages(self, messages):
        for message in messages:
            sanitize_address(message.to[0], "utf-8")  # as Django does for SMTP
            if message.to[0].endswith("@refused.example"):
                raise SMTPRecipientsRefused({message.to[0]: (self.code, b"no such user")})
        return super().send_messages(messages)


@pytest.mark.long
@pytest.mark.parametrize("domain", ["refused.example", f"{'ü' * 58}.com"])
@pytest.mark.parametrize("code", [450, 550])
def test_addresses_that_the_mail_server_refuses_keep_nobody_else_waiting(demo, ada, client_, secret, now, settings, monkeypatch, domain, code):
    """A developer can enter any address as a client's owner. The workspace's admins are told instead."""
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    monkeypatch.setattr(Refusing, "code", code)
    theirs = factories.create_client(demo, name="theirs", contact=f"a@{domain}", now=now - 100 * DAY).secret.client
    several(theirs, 4, now, now + 2 * DAY)
    end(secret, now + 3 * DAY)
    assert [message.to[0] for message in send(now)] == [ada.email] * 4 + ["payments@example.com"]
    assert send(now) == []


class Filtering(EmailBackend):
    """A mail server with a spam filter for one word."""

    def send_messages(self, messages):
        for message in messages:
            if "unwanted" in message.body:
                raise SMTPDataError(554, b"5.7.1 Spam")
        return super().send_messages(messages)


def test_nor_do_names_that_the_mail_server_takes_for_spam(demo, client_, secret, now, settings):
    settings.EMAIL_BACKEND = f"{__name__}.Filtering"
    theirs = factories.create_client(demo, name="unwanted", contact="a@b.example", now=now - 100 * DAY).secret.client
    several(theirs, 4, now, now + 2 * DAY)
    end(secret, now + 3 * DAY)
    assert [message.to[0] for message in send(now)] == ["payments@example.com"]


def test_a_workspace_with_many_keeps_no_other_waiting(client_, secret, now, monkeypatch):
    monkeypatch.setattr(expiry_notices, "MAX_A_ROUND", 4)
    monkeypatch.setattr(expiry_notices, "PART_OF_WORKSPACE", 2)
    theirs = factories.create_client(factories.create_workspace("other"), name="many", contact="a@b.example", now=now - 100 * DAY).secret.client
    several(theirs, 5, now, now + 2 * DAY)
    end(secret, now + 3 * DAY)
    assert [message.to[0] for message in send(now)] == ["a@b.example"] * 2 + ["payments@example.com", "a@b.example"]
    assert len(send(now)) == 2


@pytest.mark.long
@pytest.mark.parametrize("address", ["ada@refused.example", "=?utf-8?q??=@example.com"])
def test_nor_does_a_workspace_of_which_nobody_can_be_reached(demo, ada, client_, secret, now, settings, address):
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    User.objects.filter(pk=ada.pk).update(email=address)
    theirs = factories.create_client(demo, name="theirs", contact="", now=now - 100 * DAY).secret.client
    several(theirs, 4, now, now + 2 * DAY)
    end(secret, now + 3 * DAY)
    assert [message.to[0] for message in send(now)] == ["payments@example.com"]
    assert ExpiryNotice.objects.count() == 1


def test_three_mailboxes_that_answer_too_slowly_end_one_round_only(demo, client_, secret, now, monkeypatch):
    theirs = factories.create_client(demo, name="theirs", contact="slow@example.com", now=now - 100 * DAY).secret.client
    several(theirs, 3, now, now + 2 * DAY)
    end(secret, now + 3 * DAY)
    send_each = mail.send_each

    def fail_slow(name, contexts):
        return mail.Unsent(list(contexts), []) if "slow@example.com" in contexts else send_each(name, contexts)

    monkeypatch.setattr(expiry_notices.mail, "send_each", fail_slow)
    assert send(now) == []
    assert [message.to for message in send(now)] == [["payments@example.com"]]


@pytest.mark.long
def test_mailboxes_that_answer_slowly_hold_up_no_other_background_work(transactional_db, secret, now, settings, monkeypatch):
    settings.EMAIL_BACKEND = "tests.dashboard.test_mail_queue.Slow"
    Slow.goes_on.clear()
    monkeypatch.setattr(schedule, "CLAIM_SECONDS", 0)
    end(secret, now + 3 * DAY)
    schedule.start()
    try:
        wait_for(ScheduledJob.objects.filter(name="send_expiry_notices").exists)
        usage.record_use(ClientSecret, pk=secret.pk, address="198.51.100.7", now=now)
        wait_for(ClientSecret.objects.exclude(last_used_at=None).exists)
        assert outbox.outbox == []
    finally:
        Slow.goes_on.set()
        schedule.stop()
        # A process that ends doesn't wait for this thread, but the next test would empty its tables.
        schedule._mailing.join(20)


def wait_for(is_so):
    ends = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.mark.long
def test_a_round_sends_no_more_than_its_limit_in_its_time_and_the_next_one_goes_on(client_, secret, now, monkeypatch):
    monkeypatch.setattr(expiry_notices, "MAX_A_ROUND", 2)
    monkeypatch.setattr(expiry_notices, "_BATCH", 2)
    several(client_, 5, now, now + 3 * DAY)
    assert [len(send(now)), len(send(now))] == [2, 2]
    several_more = factories.create_secret(client_, now=now - 90 * DAY).secret
    end(several_more, now + 3 * DAY)
    # So that it ends before another process begins the next.
    monkeypatch.setattr(expiry_notices, "ROUND_SECONDS", 0)
    assert [len(send(now)), len(send(now)), len(send(now))] == [1, 1, 0]


def test_one_process_of_all_sends_every_five_minutes(secret, now, caplog):
    end(secret, now + 3 * DAY)
    with caplog.at_level("INFO", logger="tokenos.background"):
        schedule.send_expiry_notices_if_due()
        schedule.send_expiry_notices_if_due()
    assert len(outbox.outbox) == 1
    assert "Notices about expiring credentials sent: 1" in caplog.text
    ScheduledJob.objects.update(next_run_at=now - HOUR)
    schedule.send_expiry_notices_if_due()
    assert len(outbox.outbox) == 1


class TestStrangers:
    """A developer enters a client's owner."""

    @pytest.fixture(autouse=True)
    def _few(self, monkeypatch):
        monkeypatch.setattr(quotas, "MAX_NOTICES_TO_ONE", 2)
        monkeypatch.setattr(quotas, "MAX_NOTICES_TO_ONE_BY_ALL", 3)

    def ending(self, client, count, now):
        several(client, count, now, now + 3 * DAY)

    def to(self, messages):
        return [message.to[0] for message in messages]

    def test_contacts_outside_get_few_from_one_workspace_in_an_hour_and_its_admins_get_the_rest(self, client_, now):
        self.ending(client_, 4, now)
        assert self.to(send(now)) == ["payments@example.com"] * 2 + ["ada@example.com"] * 2
        later = now + 2 * HOUR
        self.ending(client_, 1, later)
        assert self.to(send(later)) == ["payments@example.com"]

    def test_get_few_of_all_workspaces(self, client_, other, now):
        self.ending(client_, 2, now)
        theirs = factories.create_client(other, contact="Payments@example.com", now=now - 100 * DAY).secret.client
        self.ending(theirs, 2, now)
        assert self.to(send(now)) == ["payments@example.com"] * 2 + ["Payments@example.com", "eve@example.com"]

    def test_mail_that_the_server_did_not_accept_doesnt_count(self, client_, now, monkeypatch):
        self.ending(client_, 3, now)
        with monkeypatch.context() as broken:
            broken.setattr(expiry_notices.mail, "send_each", lambda _name, contexts: mail.Unsent(list(contexts), []))
            send(now)
        assert self.to(send(now)) == ["payments@example.com"] * 2 + ["ada@example.com"]

    def test_are_not_those_who_belong_to_the_workspace(self, demo, client_, now):
        factories.add_member(demo, factories.create_user("payments@example.com"), Membership.Role.VIEWER)
        self.ending(client_, 4, now)
        assert self.to(send(now)) == ["payments@example.com"] * 4
