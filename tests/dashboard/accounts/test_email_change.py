"""Changing an account's address: a link in a mail to the new address confirms it, and the old address is told."""

from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.core import signing
from django.utils import timezone

from clients.models import AuditEvent, HandOver
from clients.services import hand_overs
from dashboard.models import Invitation, Membership, User
from dashboard.people import accounts, quotas
from dashboard.people.memberships import remove_member
from dashboard.people.passwords import DeadLinkError
from dashboard.people.recipients import present_owner_of
from tests import factories
from tests.dashboard.accounts.conftest import age_confirmation, last_event, sign_in
from tests.dashboard.conftest import Browser, text_of

CHANGE, NEW = "/accounts/profile/email/", "ada@new.example"


@pytest.fixture
def link(here, mailbox):
    assert here.post(CHANGE, {"email": " Ada@New.example "})["Location"] == "/accounts/profile/"
    found = mailbox.link(NEW)
    mailbox.clear()
    return found


def email_of(user):
    return User.objects.get(pk=user.pk).email


@pytest.mark.long
def test_the_link_changes_it_tells_both_and_stands_in_the_log_of_each_workspace_of_that_person(here, ada, demo, link, mailbox):
    """Clients of her workspaces go on naming her, or mail about them would go to the mailbox of before, also after its reader was removed."""
    assert f"Mail is on its way to {NEW}." in here.get("/accounts/profile/").content.decode()
    assert NEW in here.get(link).content.decode()
    assert email_of(ada) == "ada@example.com"
    other = factories.create_workspace("other")
    factories.add_member(other, ada)
    own = factories.create_client(demo, contact="Ada@Example.com").secret.client
    elsewhere = factories.create_client(factories.create_workspace("third"), contact="ada@example.com").secret.client
    assert here.post(link)["Location"] == "/accounts/profile/"
    assert email_of(ada) == NEW
    for address in ("ada@example.com", NEW):
        [message] = mailbox(address)
        assert message.subject == "The address of your account was changed"
        assert f"It was ada@example.com and is now {NEW}." in message.body
    event = last_event("user.email_changed")
    assert (event.before, event.after) == ({"email": "ada@example.com"}, {"email": NEW})
    events = AuditEvent.objects.filter(event="member.email_changed").order_by("workspace__slug")
    assert [(event.workspace, event.target_id, event.before, event.after) for event in events] == [
        (workspace, f"user:{ada.pk} ada@example.com", {"email": "ada@example.com"}, {"email": NEW}) for workspace in (demo, other)
    ]
    assert "changed email address" in text_of(here.get("/w/demo/audit/"))
    for client in (own, elsewhere):
        client.refresh_from_db()
    assert (own.contact, elsewhere.contact) == (NEW, "ada@example.com")
    event = last_event("client.changed")
    assert (event.target_id, event.before, event.after) == (own.client_id, {"contact": "Ada@Example.com"}, {"contact": NEW})
    ada.email = NEW
    assert sign_in(Browser(), ada).status_code == 302
    # It works once, also after the address came back.
    User.objects.filter(pk=ada.pk).update(email="ada@example.com")
    assert here.post(link).status_code == 410
    assert email_of(ada) == "ada@example.com"


@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("own@\u0445.example", "Enter the domain as in the DNS: own@xn--u1a.example"),
        ("own@x.exam\u200bple", "Enter an email address, for example ana@example.com."),
        ("own@exampl\u202ee.com", "Enter an email address, for example ana@example.com."),
        ("\u043ewn@x.example", "Enter an email address, for example ana@example.com."),
        ('"\x1b[31mred"@x.example', "Enter an email address without quotes, for example ana@example.com."),
    ],
)
def test_one_that_looks_like_another_is_none(here, ada, mailbox, email, said):
    assert said in text_of(here.post(CHANGE, {"email": email}))
    assert mailbox() == []
    assert not AuditEvent.objects.filter(event="user.email_change_requested").exists()


def test_spellings_of_a_domain_share_the_mail_limit(here, ada, now, monkeypatch):
    monkeypatch.setattr(quotas, "MAX_MAILS_TO_ONE", 2)
    spelled = ("own@b\u00fccher.example", "OWN@xn--bcher-kva.example", "own@b\u00fccher.exam\u200bple")
    assert [quotas.refuse_mail_to(email, by=ada, now=now) is None for email in spelled] == [True, True, False]


def test_who_was_removed_gets_no_notices_again_by_a_change_of_the_address_and_who_came_back_does(here, ada, demo, link):
    client = factories.create_client(demo, contact="Ada@example.com").secret.client
    factories.add_member(demo, factories.create_user("olga@example.com"), Membership.Role.OWNER)
    remove_member(membership=Membership.objects.get(user=ada, workspace=demo), by=None, actor=factories.TESTS, now=timezone.now())
    here.post(link)
    assert email_of(ada) == NEW
    assert present_owner_of(client) == []
    User.objects.filter(pk=ada.pk).update(email="ada@example.com")
    assert present_owner_of(client) == []
    factories.add_member(demo, ada)
    assert present_owner_of(client) == ["Ada@example.com"]


@pytest.mark.long
def test_somebody_who_reads_the_mail_of_a_mistyped_address_changes_nothing_and_learns_nothing(here, ada, eve, mailbox):
    here.post(CHANGE, {"email": NEW})
    [message] = mailbox(NEW)
    [html] = message.alternatives
    link = mailbox.link(NEW)
    assert ada.email not in f"{message.body} {html.content}"
    assert "sign in if asked" in message.body
    assert "ada@example.com" not in str(signing.loads(link.split("/")[4], salt="dashboard.people.accounts.email_change"))
    for response in (Browser().get(link), Browser().post(link)):
        assert (response.status_code, unquote(response["Location"])) == (302, f"/accounts/sign-in/?next={link}")
    assert ada.email not in Browser().get(response["Location"]).content.decode()
    other = Browser(raise_request_exception=False)
    other.force_login(eve)
    assert other.post(link).status_code == 410
    assert (email_of(ada), email_of(eve)) == ("ada@example.com", "eve@example.com")
    # On another device, she signs in first and comes back.
    phone = Browser()
    way = phone.get(link)["Location"]
    assert phone.post(way, {"login": ada.email, "password": factories.PASSWORD, "next": link})["Location"] == link
    assert f"Use {NEW}" in text_of(phone.get(link))
    assert phone.post(link)["Location"] == "/accounts/profile/"
    assert email_of(ada) == NEW


def test_an_address_with_an_account_gets_the_same_response_and_no_link(here, ada, eve, mailbox):
    response = here.post(CHANGE, {"email": eve.email})
    assert response["Location"] == "/accounts/profile/"
    assert f"Mail is on its way to {eve.email}." in here.get("/accounts/profile/").content.decode()
    assert mailbox() == []


@pytest.mark.long
def test_what_was_made_for_the_old_one_in_her_workspaces_ends(here, ada, demo, link):
    """Somebody who is removed later, or a later reader of that mailbox, could come back by it."""
    owner = factories.add_member(demo, factories.create_user("olga@example.com"), Membership.Role.OWNER)
    made = factories.create_client(demo).secret.client
    handed = hand_overs.create_hand_over(
        client=made, recipient="Ada@example.com", lifetime=timedelta(days=1), secret_lifetime=None, actor=factories.TESTS, now=timezone.now()
    )
    elsewhere = factories.invite(Membership.objects.get(workspace=factories.create_workspace("other", owner="mia@example.com")), ada.email)
    now = timezone.now()
    fields = {"email": ada.email, "role": "developer", "invited_by": owner.user, "token_digest": "x"}
    Invitation.objects.create(workspace=demo, created_at=now, expires_at=now + timedelta(days=7), **fields)
    here.post(link)
    assert not HandOver.objects.open(timezone.now()).filter(pk=handed.hand_over.pk).exists()
    assert [one.pk for one in Invitation.objects.open(timezone.now())] == [elsewhere.invitation.pk]
    reasons = {event.after["reason"] for event in AuditEvent.objects.filter(event__in=["invitation.withdrawn", "hand_over.withdrawn"])}
    assert reasons == {"ada@example.com is no longer a member’s address."}


def test_a_link_from_before_the_password_changed_leads_nowhere(here, ada, link):
    """A thief who requested it with a stolen session doesn't get the account back after the owner has ended that session."""
    ada.set_password("an-entirely-new-phrase")
    ada.save(update_fields=["password"])
    anew = Browser(raise_request_exception=False)
    sign_in(anew, ada, "an-entirely-new-phrase")
    assert anew.get(link).status_code == 410
    assert anew.post(link).status_code == 410
    assert email_of(ada) == "ada@example.com"


def test_a_forged_altered_or_expired_link_leads_nowhere_nor_one_from_before_the_operator_opened_the_account(here, ada, link, monkeypatch):
    """Nor to an address that was taken meanwhile."""
    for salt in ("", "another"):
        token = signing.dumps({"user": ada.pk, "from": ada.email, "to": "eve@evil.example"}, salt=salt)
        assert here.post(f"{CHANGE}{token}/").status_code == 410
    assert here.post(link[:-2] + "x/").status_code == 410
    with monkeypatch.context() as later:
        later.setattr("dashboard.people.accounts.EMAIL_CHANGE_SECONDS", -1)
        assert here.post(link).status_code == 410
    taken = factories.create_user(NEW)
    assert here.post(link).status_code == 410
    User.objects.filter(pk=taken.pk).update(email="somebody@else.example")
    accounts.recover(user=ada, actor=factories.TESTS, now=timezone.now())
    with pytest.raises(DeadLinkError):
        accounts.change_email(user=ada, token=link.split("/")[4], actor=factories.TESTS, now=timezone.now())
    assert here.post(link)["Location"].startswith("/accounts/sign-in/")
    assert email_of(ada) == "ada@example.com"


@pytest.mark.parametrize(
    ("email", "hint"),
    [
        ("", "Enter your email address."),
        ("ada", "Enter an email address, for example"),
        ("ADA@example.com", "That is your current address."),
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
