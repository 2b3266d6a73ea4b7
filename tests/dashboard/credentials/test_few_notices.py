"""A client's owner may be any address that hears of each rotation and expiry: one person can't fill a stranger's mailbox."""

import re

import pytest

from clients.models import Client
from dashboard.models import Membership
from dashboard.people import quotas
from tests import factories
from tests.dashboard.conftest import text_of
from tests.dashboard.credentials.conftest import url, use
from tests.dashboard.credentials.test_notices import end, rotate, sent
from tests.dashboard.credentials.test_public_keys import add, jwk_set

STRANGER, COLLEAGUE = "victim@elsewhere.example", "mia@example.com"


@pytest.fixture(autouse=True)
def _few(client_, monkeypatch):
    Client.objects.update(contact=STRANGER)
    monkeypatch.setattr(quotas, "MAX_NOTICES_TO_ONE", 2)
    monkeypatch.setattr(quotas, "MAX_NOTICES_TO_ONE_BY_ALL", 3)


def mails_to(address):
    return len([message for message in sent() if message.to == [address]])


def test_few_within_an_hour_by_one_person_until_there_are_many_by_all(danas, adas, dans, client_, caplog):
    danas.get(url(client_, "rotate"))
    for _ in range(2):
        assert rotate(danas, client_, overlap="0").status_code == 200
    assert end(danas, factories.create_secret(client_).secret).status_code == 302
    assert mails_to(STRANGER) == 2
    assert "mail not sent: this address has received too many emails in the last hour" in caplog.text
    assert STRANGER not in caplog.text
    for browser in (adas, dans):
        rotate(browser, client_, overlap="0")
        assert mails_to(STRANGER) == 3
    # Another address has its own number.
    Client.objects.update(contact="payments@example.com")
    rotate(danas, client_, overlap="0")
    assert mails_to("payments@example.com") == 1


def test_a_colleague_is_told_of_each(danas, client_, demo):
    Client.objects.update(contact=COLLEAGUE.title())
    factories.add_member(demo, factories.create_user(COLLEAGUE), Membership.Role.VIEWER)
    for _ in range(3):
        rotate(danas, client_, overlap="0")
    assert mails_to(COLLEAGUE.title()) == 3


class TestMembers:
    @pytest.fixture(autouse=True)
    def _two(self, monkeypatch, demo):
        monkeypatch.setattr(quotas, "MAX_NOTICES_TO_MEMBER", 2)
        factories.add_member(demo, factories.create_user(COLLEAGUE), Membership.Role.VIEWER)

    @pytest.fixture
    def _is_contact(self):
        Client.objects.update(contact=COLLEAGUE)

    @pytest.mark.usefixtures("_is_contact")
    def test_beyond_a_number_within_an_hour_one_mail_lists_what_somebody_does(self, danas, adas, client_):
        """What another person does has its own number."""
        for _ in range(5):
            rotate(danas, client_, overlap="0")
        secrets = [secret.secret_id for secret in client_.secrets.order_by("pk")]
        *each, more = [message for message in sent() if message.to == [COLLEAGUE]]
        assert [message.subject for message in each] == [f"Secret {secret} was rotated: billing-sync" for secret in secrets[:2]]
        assert more.subject == "More notices: 3 at once"
        for secret in secrets[2:5]:
            assert f"- Secret {secret} was rotated: billing-sync" in more.body
        rotate(adas, client_, overlap="0")
        assert mails_to(COLLEAGUE) == 4

    @pytest.mark.usefixtures("_is_contact")
    def test_so_is_what_is_added_and_ended(self, danas, client_):
        for number in range(3):
            add(danas, client_, jwk_set(f"key-{number}"))
        end(danas, client_.secrets.get())
        *_, more = [message for message in sent() if message.to == [COLLEAGUE]]
        assert more.subject == "More notices: 2 at once"
        assert "- A public key was added: billing-sync" in more.body
        assert "was ended: billing-sync" in more.body

    def test_so_is_what_admins_hear_instead_of_a_stranger(self, danas, client_, ada):
        for _ in range(6):
            rotate(danas, client_, overlap="0")
        assert [message.subject for message in sent() if message.to == [ada.email]][2:] == ["More notices: 2 at once"]


def test_a_member_of_another_workspace_counts_as_a_stranger(danas, client_, eve, other):
    Client.objects.update(contact=eve.email)
    for _ in range(3):
        rotate(danas, client_, overlap="0")
    assert mails_to(eve.email) == 2


def test_mail_that_would_not_be_sent_is_not_promised(danas, adas, client_):
    def promised(browser, *acts):
        secret = client_.secrets.latest("pk")
        pages = [url(client_, "rotate"), *(url(client_, "secrets", secret.secret_id, act) for act in acts)]
        [found] = {re.search(rf"We tell {STRANGER}( that|\.)", text_of(browser.get(here))) is not None for here in pages}
        return found

    rotate(danas, client_, overlap="0")
    assert promised(danas, "revoke", "end")
    rotate(danas, client_, overlap="0")
    assert not promised(danas, "revoke", "end")
    assert promised(adas)
    rotate(adas, client_, overlap="0")
    assert not promised(adas)
    assert mails_to(STRANGER) == 3


def test_the_page_names_only_the_admins_if_the_owner_gets_no_mail(danas, client_):
    for _ in range(2):
        rotate(danas, client_, overlap="0")
    secret = client_.secrets.latest("pk")
    use(secret)
    assert "We tell the admins." in text_of(danas.get(url(client_, "secrets", secret.secret_id, "revoke")))
