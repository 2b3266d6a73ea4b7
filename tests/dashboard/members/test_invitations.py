"""Inviting people, sending an invitation again, withdrawing it."""

from datetime import timedelta
from threading import current_thread
from typing import ClassVar

import pytest
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from clients.models import Workspace
from dashboard.background import prune
from dashboard.instance import mail
from dashboard.models import Invitation
from dashboard.people import invitations
from tests import factories
from tests.dashboard.accounts.conftest import age_confirmation
from tests.dashboard.conftest import asked_by, text_of
from tests.dashboard.members.conftest import Role, events, invitation_link, link_to, mails, membership_of, messages
from tests.kept_rows import kept

INVITE = "/w/demo/members/invite/"


def invite(browser, *emails, role="viewer", page=INVITE, follow=False):
    return browser.post(page, {"emails": "\n".join(emails), "role": role}, follow=follow)


def told(browser, *emails, **fields):
    """What the page after it says."""
    return text_of(invite(browser, *emails, follow=True, **fields))


def errors_of(response):
    assert response.status_code == 200
    assert "<title>Error: Invite people · Demo · TokenOS</title>" in response.content.decode()
    assert not Invitation.objects.exists() or Invitation.objects.count() == 1
    return text_of(response)


def test_each_address_gets_a_mail_with_a_link_of_its_own_of_which_the_digest_is_kept(adas, ada, demo, caplog):
    """Lists from elsewhere may have commas, spaces, upper case and repetitions."""
    text = told(adas, "jonas@example.com, ife@example.com; Jonas@example.com", " Luca@Example.COM ", role="developer")
    emails = ["jonas@example.com", "ife@example.com", "luca@example.com"]
    ends = timezone.now() + timedelta(days=7)
    assert f"3 invitations sent. They expire on {ends:%-d %b}." in text
    assert "Invited by ada@example.com" in text
    assert [(to, subject) for to, subject, _ in mails()] == [(email, "You are invited to Demo") for email in emails]
    links = [link_to(email) for email in emails]
    assert len(set(links)) == 3
    [html] = messages()[0].alternatives
    assert html.mimetype == "text/html"
    assert links[0] in html.content
    token = links[0].split("/")[3]
    kept = Invitation.objects.values().get(email=emails[0])
    assert len(token) >= 43
    assert kept["token_digest"] == invitations.digest_of(token)
    assert token not in str(kept) + str(events()) + caplog.text
    assert [(event, actor, target, after["role"]) for event, actor, target, _, after in events("member.invited", workspace=demo)] == [
        ("member.invited", ada.audit_name, email, "developer") for email in emails
    ]


def test_the_mail_says_who_where_as_what_and_until_when(adas, ada, demo):
    ada.name = "Ada O'Neill & Söhne"
    ada.save()
    text = told(adas, "jonas@example.com", role="admin")
    assert "Invited by Ada O'Neill & Söhne (ada@example.com)" in text
    assert "Send again to jonas@example.com" in text
    [(_, subject, body)] = mails()
    assert subject == "You are invited to Demo"
    assert "You are invited to the workspace Demo on TokenOS, as an admin, by Ada O'Neill & Söhne (ada@example.com)." in body
    assert f"It is for jonas@example.com only, works once, and expires on {timezone.now() + timedelta(days=7):%-d %b %Y}" in body


@pytest.mark.parametrize(
    ("emails", "said"),
    [
        ("", "Enter an email address, for example ana@example.com."),
        (" , \n", "Enter an email address, for example ana@example.com."),
        ("jonas", "“jonas” isn’t an email address."),
        ("jonas@example.com\nnobody@", "“nobody@” isn’t an email address."),
        ("a\0@example.com", "Null characters are not allowed."),
        ("😀@example.com", "isn’t an email address."),
        ("\u202eana@example.com", "isn’t an email address."),
        ("ana@exampl\u202ee.com", "isn’t an email address."),
        ("jürgen@example.com", "isn’t an email address."),
        ('"\x1b[31mred"@example.com', "isn’t an email address."),
        ("own@\u0445.example", "isn’t an email address."),
        ("own@x.exam\u200bple", "isn’t an email address."),
        ("x" * 300 + "@example.com", "isn’t an email address."),
        ("jonas@example.com\r\nBcc: eve@example.com", "“bcc:” isn’t an email address."),
        ("x" * 100_000, "That is too much text. Use at most 50 addresses, one per line."),
        ("\n".join(f"p{number}@example.com" for number in range(51)), "51 addresses are too many at once. Use at most 50."),
        ("ben@example.com", "ben@example.com is already a member."),
        # One mailbox has one address. Otherwise its mail limit would count each spelling separately.
        ('"victim"@bank.example', "victim"),
        ("=?utf-8?q?=76ictim?=@bank.example", "=?utf-8?q?=76ictim?=@bank.example"),
        ("victim@\uff42ank.example", "victim@"),
        ("jonas@example.com\nBEN@example.com", "ben@example.com is already a member."),
    ],
)
def test_if_one_address_is_wrong_nothing_is_sent(adas, emails, said):
    text = errors_of(adas.post(INVITE, {"emails": emails, "role": "viewer"}))
    assert "Nothing was sent." in text
    assert said in text
    assert not Invitation.objects.exists()
    assert mails() == []


def test_each_wrong_address_is_named_and_what_was_typed_stays(adas):
    response = adas.post(INVITE, {"emails": "jonas\nife\nben@example.com", "role": "developer"})
    text = errors_of(response)
    assert "Fix 3 things:" in text
    assert "“jonas” isn’t an email address." in text
    assert "“ife” isn’t an email address." in text
    assert "ben@example.com is already a member." in text
    assert "jonas\nife\nben@example.com</textarea>" in response.content.decode()
    assert 'value="developer" checked' in response.content.decode()


def test_an_address_with_an_open_invitation_is_named_and_can_be_invited_again_when_it_is_over(adas):
    invite(adas, "jonas@example.com")
    text = errors_of(invite(adas, "jonas@example.com"))
    assert "jonas@example.com is already invited. To make a new link, use “Send again” under Invited." in text
    assert len(mails()) == 1
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))
    invite(adas, "jonas@example.com", role="developer")
    assert [(row.email, row.role) for row in Invitation.objects.all()] == [("jonas@example.com", "developer")]


def test_an_admin_gives_no_role_above_that_and_the_form_offers_none(adas, dans):
    for role in ("root", "", "Viewer", "viewer\0", "x" * 100_000, "owner"):
        assert "Choose a role." in errors_of(invite(dans, "jonas@example.com", role=role)), role
    assert mails() == []
    assert 'value="owner"' in adas.get(INVITE).content.decode()
    assert 'value="owner"' not in dans.get(INVITE).content.decode()


@pytest.mark.parametrize("role", ["owner", "admin", "developer", "viewer"])
def test_an_invitation_takes_a_recent_sign_in(adas, role):
    """Like giving a member a role: an abandoned session can't invite anybody."""
    age_confirmation(adas)
    asked = asked_by(invite(adas, "jonas@example.com", role=role))
    assert asked["next"] == INVITE
    assert not Invitation.objects.exists()
    assert adas.post("/accounts/confirm/", {"password": factories.PASSWORD, **asked})["Location"] == "/w/demo/members/"
    assert Invitation.objects.get().role == role


def test_somebody_who_may_not_invite_or_was_removed_meanwhile_sends_nothing(bens, eves, dans, dan, demo):
    membership_of(dan, demo).delete()
    for browser, expected in ((bens, 403), (eves, 404), (dans, 404)):
        assert invite(browser, "jonas@example.com").status_code == browser.get(INVITE).status_code == expected
    assert not Invitation.objects.exists()


def test_nobody_is_invited_to_a_workspace_about_to_be_deleted(adas, demo):
    Workspace.objects.filter(pk=demo.pk).update(deletes_at=timezone.now() + timedelta(days=7))
    assert "demo will be deleted on" in errors_of(invite(adas, "jonas@example.com"))
    text = text_of(adas.get("/w/demo/members/"))
    assert "nobody can join" in text
    assert "Invite" not in text


def test_a_workspace_sends_so_many_an_hour_which_holds_up_no_other(adas, eves, monkeypatch):
    monkeypatch.setattr(invitations, "MAX_AN_HOUR", 3)
    invite(adas, "a@example.com", "b@example.com")
    assert "A workspace can send at most 3 invitations an hour. Send these later." in text_of(invite(adas, "c@example.com", "d@example.com"))
    assert Invitation.objects.count() == 2
    invite(adas, "c@example.com")
    assert Invitation.objects.count() == 3
    assert "1 invitation sent." in told(eves, "a@example.com", page="/w/other/members/invite/")


def test_a_mail_server_that_is_down_is_named_and_the_invitation_stays(adas, settings):
    settings.EMAIL_BACKEND = "dashboard.instance.mail.smtp.Backend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 1, 1
    text = told(adas, "a@example.com", "b@example.com")
    assert "The mail server didn’t accept the mail to a@example.com, b@example.com. When it works again, use “Send again” under Invited." in text
    assert "sent. They expire" not in text
    assert Invitation.objects.count() == 2


def test_an_address_that_no_mail_can_go_to_is_named_and_the_others_get_theirs(adas, settings):
    settings.EMAIL_BACKEND = "tests.dashboard.test_expiry_notices.Refusing"
    text = told(adas, "a@refused.example", "b@example.com")
    assert "didn’t accept the mail to a@refused.example." in text
    assert [address for address, _, _ in mails()] == ["b@example.com"]


def act(browser, what, pk, workspace="demo", *, follow=False):
    return browser.post(f"/w/{workspace}/members/invitations/{pk}/{what}/", follow=follow)


@pytest.fixture
def jonas(ada, demo):
    """An open invitation as a developer."""
    return kept(lambda: factories.invite(membership_of(ada, demo), "jonas@example.com", Role.DEVELOPER).invitation)


def test_without_a_mail_server_one_is_told_where_the_mail_is(adas, settings, tmp_path):
    mail.wait_until_sent()  # Ada's sign-in is told her behind the page: it would be a second file
    settings.DATA_DIR = tmp_path
    settings.EMAIL_BACKEND = "dashboard.instance.mail.files.Backend"
    text = told(adas, "jonas@example.com")
    [file] = (tmp_path / "mail").iterdir()
    assert f"This instance has no mail server yet. Ask its operator for the mail: {file.name} in DATA_DIR/mail." in text
    assert "To send mail, the operator must set EMAIL_URL." in text


def test_sending_again_makes_a_new_link_and_the_old_one_stops(adas, ada, demo, browser):
    old = invitation_link(membership_of(ada, demo), "jonas@example.com", Role.DEVELOPER)
    jonas = Invitation.objects.get()
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "1 invitation sent. It expires on" in text_of(act(adas, "send-again", jonas.pk, follow=True))
    new = link_to(jonas.email)
    assert new != old
    assert browser.get(old, follow=True).status_code == 404
    assert "as a developer" in text_of(browser.get(new, follow=True))
    assert [event for event, actor, *_ in events("invitation") if actor == ada.audit_name] == ["invitation.sent_again"]


def test_one_address_gets_a_limited_number_an_hour(adas, jonas):
    for _ in range(4):
        act(adas, "send-again", jonas.pk)
    assert "jonas@example.com was sent 5 invitations within an hour. Send the next one later." in text_of(act(adas, "send-again", jonas.pk, follow=True))
    assert len(mails()) == 4


def test_withdrawing_kills_the_link_and_takes_a_post(adas, ada, demo, browser):
    link = invitation_link(membership_of(ada, demo), "jonas@example.com", Role.DEVELOPER)
    jonas = Invitation.objects.get()
    for what in ("send-again", "withdraw"):
        assert adas.get(f"/w/demo/members/invitations/{jonas.pk}/{what}/").status_code == 405
    text = text_of(act(adas, "withdraw", jonas.pk, follow=True))
    assert "The invitation for jonas@example.com is withdrawn." in text
    assert "Send again" not in text
    assert browser.get(link, follow=True).status_code == 404
    assert events("invitation.withdrawn") == [("invitation.withdrawn", ada.audit_name, "jonas@example.com", {"role": "developer"}, {})]
    for what in ("send-again", "withdraw"):
        assert act(adas, what, jonas.pk).status_code == 404


@pytest.mark.parametrize("what", ["send-again", "withdraw"])
def test_an_admin_does_neither_with_an_invitation_of_an_owner_nor_do_a_viewer_and_another_workspace(ada, bens, dans, eves, demo, what):
    theirs = factories.invite(membership_of(ada, demo), "olivia@example.com", Role.OWNER).invitation
    before = Invitation.objects.values().get()
    assert act(dans, what, theirs.pk).status_code == act(bens, what, theirs.pk).status_code == 403
    assert act(eves, what, theirs.pk).status_code == 404
    for pk in (theirs.pk, 0, 2**63, 10**30):
        assert act(eves, what, pk, "other").status_code == 404
    assert Invitation.objects.values().get() == before


def test_many_open_invitations_have_a_page_of_their_own_which_a_viewer_sees(adas, bens, ada, demo):
    page = "/w/demo/members/invitations/"
    assert "No open invitations." in text_of(adas.get(page))
    Invitation.objects.bulk_create(
        Invitation(
            workspace=demo,
            email=f"p{number:02}@example.com",
            role="viewer",
            token_digest=str(number),
            invited_by=ada,
            created_at=timezone.now(),
            expires_at=timezone.now() + timedelta(days=7),
        )
        for number in range(60)
    )
    assert "All invitations" in text_of(adas.get("/w/demo/members/"))
    text = text_of(adas.get(page))
    assert "1 to 50 of 60" in text
    assert text.count("Send again") == 50
    for theirs in (text_of(bens.get(page)), text_of(bens.get("/w/demo/members/"))):
        assert "@example.com" in theirs
        assert "p0" in theirs or "p5" in theirs
        assert "Send again" not in theirs


def test_invitations_are_pruned_long_after_their_end(adas, ada, demo, now):
    for days in (98, 96):
        invitation_link(membership_of(ada, demo), f"d{days}@example.com", now=now - timedelta(days=days))
    assert prune.prune(now=now)["invitations"] == 1
    assert Invitation.objects.get().email == "d96@example.com"


class Noted(EmailBackend):
    """Notes which thread sends what."""

    threads: ClassVar[dict[str, str]] = {}

    def send_messages(self, messages):
        self.threads.update({message.to[0]: current_thread().name for message in messages})
        return super().send_messages(messages)


def test_a_mail_server_that_takes_long_keeps_nobody_s_page_waiting(adas, settings, monkeypatch):
    """What isn't sent by the page's time limit is sent in the background."""
    settings.EMAIL_BACKEND = f"{__name__}.Noted"
    monkeypatch.setattr(mail, "PATIENCE", 0)
    mail.wait_until_sent()
    Noted.threads.clear()
    emails = [f"{name}@example.com" for name in "abcd"]
    text = told(adas, *emails)
    mail.wait_until_sent()
    assert "4 invitations sent." in text
    assert sorted(Noted.threads) == emails
    assert all(thread.startswith("mail") for thread in Noted.threads.values())
