"""All administrators of the instance hear if one is added or removed, so that neither can be hidden."""

import pytest

from dashboard.models import User
from dashboard.people import quotas
from tests import factories
from tests.dashboard.accounts.conftest import Mailbox
from tests.dashboard.conftest import text_of
from tests.dashboard.test_admin import list_url


@pytest.fixture
def otto(db):
    """Operates the instance too."""
    return factories.create_user("otto@example.com", is_instance_admin=True)


@pytest.fixture
def do(admin, otto):
    def do(action, user):
        form = {"action": action, "_selected_action": [user.pk], "confirmed": "yes"}
        return text_of(admin.post(list_url(User), form, follow=True))

    return do


@pytest.fixture
def mailbox(admin):
    """Without the mail about signing in."""
    box = Mailbox()
    box.clear()
    return box


def told(mailbox, address):
    return [message for message in mailbox(address) if "administrator" in message.subject.lower()]


def test_of_a_new_one_and_of_one_less(do, mailbox, olga, otto, ada):
    do("promote", ada)
    do("demote", ada)
    # The person who did it hears of it too: it may have been somebody else in their session.
    for administrator in (olga, otto):
        more, less = told(mailbox, administrator.email)
        assert more.subject == "A new administrator: ada@example.com"
        assert less.subject == "An administrator was removed: ada@example.com"
        for text in (more.body, " ".join(more.alternatives[0].content.split())):
            assert "ada@example.com is now an administrator of localhost:8443." in text
            assert "By: olga@example.com" in text
            assert "/admin/dashboard/user/" in text
    assert mailbox.subjects(ada.email) == ["You are now an administrator of this instance", "You are no longer an administrator of this instance"]


def test_of_one_whose_account_is_switched_off_and_on(do, mailbox, olga, otto):
    do("disable_accounts", otto)
    do("enable_accounts", otto)
    assert [message.subject for message in told(mailbox, olga.email)] == [
        "An administrator’s account was disabled: otto@example.com",
        "An administrator’s account is enabled again: otto@example.com",
    ]


def test_not_of_other_accounts(do, mailbox, olga, ada):
    do("disable_accounts", ada)
    do("enable_accounts", ada)
    assert mailbox(olga.email) == []


def test_nobody_hears_of_what_was_so_already(do, mailbox, olga, otto):
    do("promote", otto)
    assert mailbox(olga.email) == []


@pytest.mark.long
def test_repeated_changes_to_and_fro_fill_no_mailbox(do, mailbox, otto, ada, monkeypatch):
    monkeypatch.setattr(quotas, "MAX_NOTICES_TO_MEMBER", 2)
    for action in ("promote", "demote", "promote"):
        do(action, ada)
    assert [message.subject for message in mailbox(otto.email)] == [
        "A new administrator: ada@example.com",
        "An administrator was removed: ada@example.com",
        "More notices: 1 at once",
    ]
