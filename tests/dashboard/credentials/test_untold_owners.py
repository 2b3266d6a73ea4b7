"""If an owner's mail isn't sent because too much goes there or waits, the admins are told instead, however much mail somebody caused before."""

import pytest

from clients.models import Client
from dashboard.instance.mail import queue
from dashboard.people import quotas
from tests import factories
from tests.dashboard.conftest import text_of
from tests.dashboard.credentials.conftest import use
from tests.dashboard.credentials.test_notices import end, revoke, rotate, sent
from tests.dashboard.test_mail_queue import Slow

OWNER, ADMIN = "payments@elsewhere.example", "ada@example.com"


@pytest.fixture
def slow(settings):
    """A mail server that takes nothing until sent() is called."""
    settings.EMAIL_BACKEND = "tests.dashboard.test_mail_queue.Slow"
    Slow.goes_on.clear()
    yield
    Slow.goes_on.set()


@pytest.fixture
def few_places(monkeypatch):
    monkeypatch.setattr(queue, "MAX_OF_A_KIND", 4)
    monkeypatch.setattr(queue, "MAX_BY_ONE", 2)
    monkeypatch.setattr(queue, "MAX_TO_ONE", 3)


def end_of_strangers(browser, demo, number):
    """Credentials of clients that each belong to a different outsider."""
    for one in range(number):
        new = factories.create_client(demo, name=f"junk-{one}", contact=f"z{one}@elsewhere.example")
        assert end(browser, new.secret).status_code == 302


def mails():
    """Recipients and subjects, even in a summary mail."""
    Slow.goes_on.set()
    lines = [(message, line.removeprefix("- ")) for message in sent() for line in [message.subject, *message.body.splitlines()]]
    return [(message.to[0], line) for message, line in lines if line.startswith("Secret ") and " UTC" not in line]


@pytest.mark.usefixtures("slow", "few_places")
class TestPlaces:
    @pytest.mark.long
    def test_one_person_s_acts_leave_places_to_others_and_what_has_none_is_told_to_the_admins_once(self, danas, dans, demo, secret):
        Client.objects.update(contact=OWNER)
        other = factories.create_client(demo, name="other", contact="other@elsewhere.example").secret
        end_of_strangers(danas, demo, 4)
        use(secret)
        revoke(danas, secret)
        revoke(dans, other)
        told, about = mails(), f"Secret {secret.secret_id} was revoked: billing-sync"
        assert OWNER not in dict(told)
        assert sorted(mail for mail in told if mail[1] == about) == [(ADMIN, about), ("dan@example.com", about)]
        assert "other@elsewhere.example" in dict(told)

    @pytest.mark.long
    def test_so_is_a_rotation(self, danas, demo, secret, client_):
        Client.objects.update(contact=OWNER)
        for one in range(4):
            rotate(danas, factories.create_client(demo, name=f"junk-{one}", contact=f"z{one}@elsewhere.example").secret.client)
        rotate(danas, client_)
        assert (ADMIN, f"Secret {secret.secret_id} was rotated: billing-sync") in mails()

    @pytest.mark.long
    def test_colleagues_need_not_wait_behind_strangers(self, danas, demo, secret, dan):
        Client.objects.update(contact=dan.email)
        end_of_strangers(danas, demo, 4)
        revoke(danas, secret)
        assert dan.email in dict(mails())


@pytest.mark.long
@pytest.mark.usefixtures("slow")
def test_further_notices_are_summed_up_in_one_mail(danas, demo, secret, dan, monkeypatch):
    monkeypatch.setattr(queue, "MAX_TO_ONE", 3)
    Client.objects.update(contact=dan.email)
    for one in range(5):
        end(danas, factories.create_client(demo, name=f"junk-{one}", contact=dan.email).secret)
    revoke(danas, secret)
    Slow.goes_on.set()
    *each, more = sent()
    assert (more.to, len(each) in (3, 4), more.subject) == ([dan.email], True, f"More notices: {6 - len(each)} at once")
    for text in (more.body, more.alternatives[0].content):
        assert f"Secret {secret.secret_id} was revoked: billing-sync" in text


class TestTooManyToOneAddress:
    @pytest.fixture(autouse=True)
    def _few(self, monkeypatch):
        monkeypatch.setattr(quotas, "MAX_NOTICES_TO_ONE", 2)

    def test_many_unimportant_notices_do_not_hide_an_important_one(self, danas, demo, secret):
        Client.objects.update(contact=OWNER)
        noise = factories.create_client(demo, name="noise", contact=OWNER).secret.client
        for new in [factories.create_secret(noise) for _ in range(2)]:
            revoke(danas, new.secret)
        revoke(danas, secret)
        [message] = [message for message in sent() if message.subject.endswith("billing-sync")]
        assert message.to == [ADMIN]
        for text in (message.body, " ".join(message.alternatives[0].content.split())):
            assert f"We couldn’t notify {OWNER}: too many emails have gone there in the last hour, or are waiting for the mail server." in text

    def test_the_page_says_so(self, danas, secret):
        Client.objects.update(contact=OWNER)
        for _ in range(2):
            rotate(danas, secret.client)
        assert "We tell the admins that you rotated it." in text_of(danas.get(f"/w/demo/clients/{secret.client.client_id}/rotate/?overlap=0"))


@pytest.mark.long
def test_one_person_tells_few_strangers_within_an_hour_whatever_their_addresses_are(danas, demo, monkeypatch):
    monkeypatch.setattr(quotas, "MAX_NOTICES_TO_STRANGERS", 3)
    end_of_strangers(danas, demo, 5)
    told = [message.to[0] for message in sent()]
    assert told == ["z0@elsewhere.example", "z1@elsewhere.example", "z2@elsewhere.example", ADMIN, ADMIN]
