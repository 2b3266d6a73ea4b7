"""Another address for an account: confirmed by a link in a mail to the new one, told to the old one."""

import pytest
from django.core import signing
from django.utils import timezone

from dashboard.models import User
from dashboard.people import accounts
from tests import factories
from tests.dashboard.accounts.conftest import age_confirmation, last_event, sign_in
from tests.dashboard.conftest import Browser

CHANGE, NEW = "/accounts/profile/email/", "ada@new.example"


@pytest.fixture
def link(here, mailbox):
    assert here.post(CHANGE, {"email": " Ada@New.example "})["Location"] == "/accounts/profile/"
    found = mailbox.link(NEW)
    mailbox.clear()
    return found


def email_of(user):
    return User.objects.get(pk=user.pk).email


def test_until_the_link_is_opened_nothing_changes(here, ada, link):
    assert f"Mail is on its way to {NEW}." in here.get("/accounts/profile/").content.decode()
    assert NEW in here.get(link).content.decode()
    assert email_of(ada) == "ada@example.com"


def test_the_link_changes_it_and_tells_both(here, ada, link, mailbox):
    assert here.post(link)["Location"] == "/accounts/profile/"
    assert email_of(ada) == NEW
    for address in ("ada@example.com", NEW):
        [message] = mailbox(address)
        assert message.subject == "The address of your account was changed"
        assert f"It was ada@example.com, and is {NEW} from now on." in message.body
    event = last_event("user.email_changed")
    assert (event.before, event.after) == ({"email": "ada@example.com"}, {"email": NEW})
    ada.email = NEW
    assert sign_in(Browser(), ada).status_code == 302


def test_the_link_works_once_also_after_the_address_came_back(here, ada, link):
    here.post(link)
    User.objects.filter(pk=ada.pk).update(email="ada@example.com")
    assert here.post(link).status_code == 410
    assert email_of(ada) == "ada@example.com"


def test_whoever_is_signed_in_to_no_account_may_open_it(ada, link):
    assert Browser().post(link).status_code == 302
    assert email_of(ada) == NEW


def test_whoever_is_signed_in_to_another_may_not(browser, ada, eve, link):
    other = Browser(raise_request_exception=False)
    other.force_login(eve)
    assert other.post(link).status_code == 410
    assert (email_of(ada), email_of(eve)) == ("ada@example.com", "eve@example.com")


def test_an_address_that_has_an_account_reads_alike_and_gets_no_link(here, ada, eve, mailbox):
    response = here.post(CHANGE, {"email": eve.email})
    assert response["Location"] == "/accounts/profile/"
    assert f"Mail is on its way to {eve.email}." in here.get("/accounts/profile/").content.decode()
    assert mailbox() == []


def test_an_address_that_was_taken_meanwhile_stays_with_its_account(here, ada, link):
    factories.create_user(NEW)
    assert here.post(link).status_code == 410
    assert email_of(ada) == "ada@example.com"


def test_a_link_from_before_the_password_changed_leads_nowhere(here, ada, link):
    """Whoever ordered it with a stolen session doesn't get the account back after its owner has thrown them out."""
    ada.set_password("an-entirely-new-phrase")
    ada.save(update_fields=["password"])
    stranger = Browser(raise_request_exception=False)
    assert stranger.get(link).status_code == 410
    assert stranger.post(link).status_code == 410
    assert email_of(ada) == "ada@example.com"


def test_a_link_from_before_the_operator_opened_the_account_leads_nowhere(here, ada, link):
    accounts.recover(user=ada, actor=factories.TESTS, now=timezone.now())
    assert Browser(raise_request_exception=False).post(link).status_code == 410
    assert email_of(ada) == "ada@example.com"


@pytest.mark.parametrize("salt", ["", "another"])
def test_a_forged_link_leads_nowhere(browser, ada, salt):
    token = signing.dumps({"user": ada.pk, "from": ada.email, "to": "eve@evil.example"}, salt=salt)
    assert browser.post(f"{CHANGE}{token}/").status_code == 410
    assert email_of(ada) == "ada@example.com"


def test_an_altered_or_expired_one_too(browser, ada, link, monkeypatch):
    assert browser.post(link[:-2] + "x/").status_code == 410
    monkeypatch.setattr("dashboard.people.accounts.EMAIL_CHANGE_SECONDS", -1)
    assert browser.post(link).status_code == 410


@pytest.mark.parametrize(
    ("email", "hint"),
    [
        ("", "Enter your email address."),
        ("ada", "Enter an email address, for example"),
        ("ADA@example.com", "That is your present address."),
        ("x" * 100_000, "Enter an email address"),
        ("a\0@example.com", "Null characters are not allowed."),
    ],
)
def test_a_bad_address_is_refused(here, ada, email, hint):
    response = here.post(CHANGE, {"email": email})
    assert response.status_code == 200
    assert hint in response.content.decode()


def test_it_asks_for_a_proof_first(here):
    age_confirmation(here)
    assert here.get(CHANGE)["Location"].startswith("/accounts/confirm/")


def test_it_can_not_be_used_to_flood_a_mailbox(here, settings, mailbox):
    settings.FAILURES_PER_CLIENT = 2
    assert [here.post(CHANGE, {"email": "victim@example.org"}).status_code for _ in range(3)] == [302, 302, 429]
    assert len(mailbox("victim@example.org")) == 2
