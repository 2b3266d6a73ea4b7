"""Disabling and enabling accounts, and adding and removing administrators, in the admin."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from clients.models import AuditEvent
from dashboard.instance import mail
from dashboard.models import Membership, User
from dashboard.people import account_status
from tests import factories
from tests.dashboard.accounts.conftest import Mailbox, add_passkey, age_confirmation
from tests.dashboard.conftest import Browser, asked_by, sign_in, text_of
from tests.dashboard.test_admin import list_url, row_url

ACTIONS = ["disable_accounts", "enable_accounts", "promote", "demote"]


@pytest.fixture
def choose(admin):
    """Choose an action for accounts; with confirmed, do it."""

    def choose(action, *users, browser=admin, **fields):
        return browser.post(list_url(User), {"action": action, "_selected_action": [user.pk for user in users], **fields}, follow=True)

    return choose


@pytest.fixture
def mailbox(admin):
    """Without the mail about signing in."""
    box = Mailbox()
    box.clear()
    return box


def do(choose, action, *users):
    return text_of(choose(action, *users, confirmed="yes"))


def test_switching_off_says_first_what_ends_then_ends_sessions_tells_the_account_and_is_recorded(choose, admin, olga, ada, demo, mailbox):
    browser = sign_in(ada)
    mailbox.clear()
    factories.invite(Membership.objects.get(user=ada, workspace=demo), "jonas@example.com")
    text = text_of(choose("disable_accounts", ada))
    assert "Disable these accounts?" in text
    assert "Nobody can sign in to it any more, and its 1 open session ends at once." in text
    assert "Links that it made, or that were made for it, are withdrawn: 1 invitation." in text
    assert "The workspace demo has no other owner who can sign in." in text
    assert User.objects.get(pk=ada.pk).is_active
    assert "Disabled: 1. Nobody can sign in to them, and their sessions have ended." in do(choose, "disable_accounts", ada)
    assert browser.get("/accounts/security/").status_code == 302
    event = AuditEvent.objects.get(event="user.disabled")
    assert (event.actor, event.address, event.target_id) == (olga.audit_name, "127.0.0.1", ada.audit_name)
    [message] = mailbox(ada.email)
    assert message.subject == "Your account was disabled"
    # Of the administrator's browser nobody else is told.
    assert "127.0.0.1" not in message.body


@pytest.mark.long
def test_a_row_says_whether_it_is_off_and_has_a_button_for_what_can_be_done(choose, admin, ada, mailbox):
    every = ("Disabled at:", "Disable…", "Enable…", "Make administrator…", "Remove administrator rights…")

    def said():
        text = text_of(admin.get(row_url(ada)))
        return [label for label in every if label in text]

    assert said() == ["Disable…", "Make administrator…"]
    do(choose, "disable_accounts", ada)
    text = do(choose, "promote", ada)
    assert "The account ada@example.com is disabled. Enable it first." in text
    assert "administrators of the instance:" not in text
    assert "Disabled at:" in said()
    assert "The person can sign in again" in text_of(choose("enable_accounts", ada))
    assert "Enabled: 1." in do(choose, "enable_accounts", ada)
    assert mailbox.subjects(ada.email)[:2] == ["Your account was disabled", "Your account is enabled again"]
    assert sign_in(User.objects.get(pk=ada.pk)).get("/accounts/security/").status_code == 200
    do(choose, "promote", ada)
    assert said() == ["Disable…", "Remove administrator rights…"]
    do(choose, "disable_accounts", ada)
    assert said() == ["Disabled at:", "Enable…", "Remove administrator rights…"]


def test_of_an_account_with_nothing_open_and_a_second_factor_it_says_so(choose, ben):
    add_passkey(ben)
    text = text_of(choose("disable_accounts", ben))
    assert "its 0 open sessions end at once" in text
    assert "It has no open invitation or hand-over link." in text
    assert "has no other owner" not in text
    assert "has no second factor" not in text_of(choose("promote", ben))


@pytest.mark.long
def test_administrators_are_made_and_unmade(choose, ada, mailbox):
    text = text_of(choose("promote", ada))
    assert "Under /admin/ it can see every workspace" in text
    assert "It has no second factor yet. Ask the person to add one." in text
    assert "New administrators of the instance: 1." in do(choose, "promote", ada)
    browser = sign_in(ada)
    assert browser.get("/admin/").status_code == 200
    assert "It can no longer open /admin/, and its 1 open session ends at once." in text_of(choose("demote", ada))
    assert "No longer administrators of the instance: 1." in do(choose, "demote", ada)
    assert browser.get("/accounts/security/").status_code == 302
    assert sign_in(ada).get("/admin/")["Location"].startswith("/admin/login/")
    assert {"You are now an administrator of this instance", "You are no longer an administrator of this instance"} <= set(mailbox.subjects(ada.email))


@pytest.mark.long
@pytest.mark.parametrize(
    ("action", "said", "done"),
    [
        ("disable_accounts", "It is already disabled. Nothing changes.", "Disabled: 1."),
        ("enable_accounts", "It is already enabled. Nothing changes.", "Enabled: 1."),
        ("promote", "It already administers the instance. Nothing changes.", "New administrators of the instance: 1."),
        ("demote", "It doesn't administer the instance. Nothing changes.", "No longer administrators of the instance: 1."),
    ],
)
def test_what_is_so_already_stays_is_said_and_not_counted(choose, ada, ben, mailbox, action, said, done):
    User.objects.filter(pk=ada.pk).update(is_active=action != "disable_accounts", is_staff=action == "promote")
    User.objects.filter(pk=ben.pk).update(is_active=action != "enable_accounts", is_staff=action == "demote")
    assert said in text_of(choose(action, ada))
    events = AuditEvent.objects.count()
    text = do(choose, action, ada)
    assert "Already in that state: 1." in text
    assert ": 1. " not in text.replace("Already in that state: 1.", "")
    assert (mailbox(), AuditEvent.objects.count()) == ([], events)
    text = do(choose, action, ada, ben)
    assert done in text
    assert "Already in that state: 1." in text


@pytest.mark.parametrize("action", ["disable_accounts", "demote"])
def test_nobody_does_it_to_their_own_account(choose, olga, ada, action):
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    assert "This is your own account. Nothing changes. Ask another administrator, or run the command." in text_of(choose(action, olga))
    text = do(choose, action, olga, ada)
    assert "The account olga@example.com is your own. Ask another administrator, or run the command." in text
    assert ": 1." in text
    olga.refresh_from_db()
    assert (olga.is_active, olga.is_staff) == (True, True)


@pytest.mark.parametrize("action", ACTIONS)
def test_it_takes_a_recent_proof_after_which_it_is_done(admin, ada, action):
    if action in ("enable_accounts", "demote"):
        User.objects.filter(pk=ada.pk).update(is_active=action != "enable_accounts", is_staff=action == "demote")
    before = User.objects.values().get(pk=ada.pk)
    age_confirmation(admin)
    form = {"action": action, "_selected_action": ada.pk}
    assert admin.post(list_url(User), form).status_code == 200
    asked = asked_by(admin.post(list_url(User), {**form, "confirmed": "yes"}))
    assert asked["next"] == list_url(User)
    assert User.objects.values().get(pk=ada.pk) == before
    assert admin.post("/accounts/confirm/", {"password": factories.PASSWORD, **asked})["Location"] == list_url(User)
    assert User.objects.values().get(pk=ada.pk) != before


def test_an_owner_of_a_workspace_can_do_nothing_here(choose, olga, ada, demo):
    browser = sign_in(ada)
    for action in ACTIONS:
        for user in (ada, olga):
            choose(action, user, browser=browser, confirmed="yes")
            choose(action, user, browser=Browser(), confirmed="yes")
    assert User.objects.filter(is_staff=True).get() == olga
    assert User.objects.filter(is_active=False).count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", [account_status.demote, account_status.disable_account])
def test_of_two_administrators_who_take_each_other_away_one_stays(olga, act):
    pair = [olga, factories.create_user("oscar@example.com", is_instance_admin=True)]
    barrier = Barrier(2)

    def run(user):
        barrier.wait()
        try:
            return act(user=user, actor=factories.TESTS, now=timezone.now()).has_changed
        except ValidationError:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(run, pair)) == [False, True]
    assert User.objects.filter(is_staff=True, is_active=True).count() == 1
    mail.wait_until_sent()
