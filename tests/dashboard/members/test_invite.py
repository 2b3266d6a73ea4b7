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
from tests.dashboard.conftest import asked_by, sign_in, text_of
from tests.dashboard.members.conftest import Role, events, invitation_link, link_to, mails, membership_of, messages

INVITE = "/w/demo/members/invite/"


def invite(browser, *emails, role="viewer", page=INVITE, follow=True):
    return browser.post(page, {"emails": "\n".join(emails), "role": role}, follow=follow)


def errors_of(response):
    assert response.status_code == 200
    assert "<title>Error: Invite people · Demo · TokenOS</title>" in response.content.decode()
    assert not Invitation.objects.exists() or Invitation.objects.count() == 1
    return text_of(response)


def test_each_address_gets_a_mail_with_a_link_of_its_own(adas, ada):
    response = invite(adas, "jonas@example.com", " Ife@Example.COM ", "luca@example.com")
    ends = timezone.now() + timedelta(days=7)
    assert f"3 invitations sent. They expire on {ends:%-d %b}." in text_of(response)
    assert [(to, subject) for to, subject, _ in mails()] == [
        ("jonas@example.com", "You are invited to Demo"),
        ("ife@example.com", "You are invited to Demo"),
        ("luca@example.com", "You are invited to Demo"),
    ]
    assert len({link_to(email) for email in ("jonas@example.com", "ife@example.com", "luca@example.com")}) == 3
    [html] = messages()[0].alternatives
    assert html.mimetype == "text/html"
    assert link_to("jonas@example.com") in html.content


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ('"victim"@bank.example', "victim"),
        ("=?utf-8?q?=76ictim?=@bank.example", "=?utf-8?q?=76ictim?=@bank.example"),
        ("victim@\uff42ank.example", "victim@"),
    ],
)
def test_one_mailbox_has_one_address(adas, demo, address, said):
    """Else its limit of mails would count each spelling by itself."""
    assert said in errors_of(invite(adas, address))
    assert not mails()


def test_the_mail_says_who_where_as_what_and_until_when(adas, ada, demo):
    ada.name = "Ada O'Neill & Söhne"
    ada.save()
    invite(adas, "jonas@example.com", role="admin")
    [(_, subject, body)] = mails()
    assert subject == "You are invited to Demo"
    assert "You are invited to the workspace Demo of TokenOS, as an admin, by Ada O'Neill & Söhne (ada@example.com)." in body
    assert f"It is for jonas@example.com only, works once, and ends on {timezone.now() + timedelta(days=7):%-d %b %Y}" in body


def test_only_the_digest_of_the_token_is_kept(adas, caplog):
    invite(adas, "jonas@example.com")
    token = link_to("jonas@example.com").split("/")[3]
    [kept] = Invitation.objects.values()
    assert len(token) >= 43
    assert token not in str(kept)
    assert token not in str(events())
    assert token not in caplog.text
    assert kept["token_digest"] == invitations.digest_of(token)


def test_who_invited_whom_as_what_is_in_the_audit_log(adas, ada, demo):
    invite(adas, "jonas@example.com", role="developer")
    [(event, actor, target, _, after)] = events("member.invited", workspace=demo)
    assert (event, actor, target, after["role"]) == ("member.invited", ada.audit_name, "jonas@example.com", "developer")


def test_an_open_invitation_is_listed_with_who_invited(adas, ada):
    assert "Invited by ada@example.com" in text_of(invite(adas, "jonas@example.com"))
    ada.name = "Ada Lovelace"
    ada.save()
    assert "Invited by Ada Lovelace (ada@example.com)" in text_of(adas.get("/w/demo/members/"))
    assert "Send again to jonas@example.com" in text_of(adas.get("/w/demo/members/"))


def test_lists_from_elsewhere_may_have_commas_and_repetitions(adas):
    invite(adas, "a@example.com, b@example.com; A@example.com", "c@example.com")
    assert [to for to, _, _ in mails()] == ["a@example.com", "b@example.com", "c@example.com"]


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
        ("jonas@example.com\nBEN@example.com", "ben@example.com is already a member."),
    ],
)
def test_where_one_address_is_wrong_nothing_is_sent(adas, emails, said):
    response = adas.post(INVITE, {"emails": emails, "role": "viewer"})
    text = errors_of(response)
    assert "Nothing was sent." in text
    assert said in text
    assert not Invitation.objects.exists()
    assert mails() == []


def test_each_wrong_address_is_named(adas):
    text = errors_of(adas.post(INVITE, {"emails": "jonas\nife\nben@example.com", "role": "viewer"}))
    assert "Fix 3 things:" in text
    assert "“jonas” isn’t an email address." in text
    assert "“ife” isn’t an email address." in text
    assert "ben@example.com is already a member." in text


def test_what_was_typed_stays(adas):
    html = adas.post(INVITE, {"emails": "jonas", "role": "developer"}).content.decode()
    assert "jonas</textarea>" in html
    assert 'value="developer" checked' in html


def test_an_address_with_an_open_invitation_is_named(adas):
    invite(adas, "jonas@example.com")
    text = errors_of(invite(adas, "jonas@example.com"))
    assert "jonas@example.com is already invited. To make a new link, use “Send again” under Invited." in text
    assert len(mails()) == 1


def test_an_address_whose_invitation_is_over_can_be_invited_again(adas, ada, demo):
    invitation_link(membership_of(ada, demo), "jonas@example.com", now=timezone.now() - timedelta(days=8))
    invite(adas, "jonas@example.com", role="developer")
    assert [(row.email, row.role) for row in Invitation.objects.all()] == [("jonas@example.com", "developer")]


@pytest.mark.parametrize("role", ["owner", "root", "", "Viewer", "viewer\0", "x" * 100_000])
def test_an_admin_gives_no_role_above_that(dans, role):
    text = errors_of(invite(dans, "jonas@example.com", role=role))
    assert "Choose a role." in text
    assert mails() == []


def test_the_form_offers_roles_up_to_ones_own(adas, dans):
    assert 'value="owner"' in adas.get(INVITE).content.decode()
    assert 'value="owner"' not in dans.get(INVITE).content.decode()


@pytest.mark.parametrize("role", ["owner", "admin", "developer", "viewer"])
def test_an_invitation_takes_a_recent_sign_in(adas, role):
    """As giving a member a role does: a session that somebody left open gets itself no colleague."""
    age_confirmation(adas)
    asked = asked_by(invite(adas, "jonas@example.com", role=role, follow=False))
    assert asked["next"] == INVITE
    assert not Invitation.objects.exists()
    assert adas.post("/accounts/confirm/", {"password": factories.PASSWORD, **asked})["Location"] == "/w/demo/members/"
    assert Invitation.objects.get().role == role


@pytest.mark.parametrize("name", ["bens", "eves"])
def test_whoever_may_not_invite_sends_nothing(request, name, demo):
    browser = request.getfixturevalue(name)
    expected = 403 if name == "bens" else 404
    assert invite(browser, "jonas@example.com").status_code == expected
    assert browser.get(INVITE).status_code == expected
    assert not Invitation.objects.exists()


def test_nobody_is_invited_to_a_workspace_about_to_be_deleted(adas, demo):
    Workspace.objects.filter(pk=demo.pk).update(deletes_at=timezone.now() + timedelta(days=7))
    assert "demo will be deleted on" in errors_of(invite(adas, "jonas@example.com"))
    text = text_of(adas.get("/w/demo/members/"))
    assert "nobody new can join" in text
    assert "Invite" not in text


def test_a_workspace_sends_so_many_an_hour(adas, monkeypatch):
    monkeypatch.setattr(invitations, "MAX_AN_HOUR", 3)
    invite(adas, "a@example.com", "b@example.com")
    assert "A workspace can send at most 3 invitations an hour. Send these later." in text_of(invite(adas, "c@example.com", "d@example.com"))
    assert Invitation.objects.count() == 2
    invite(adas, "c@example.com")
    assert Invitation.objects.count() == 3


def test_another_workspace_is_not_held_up_by_that(adas, eves, monkeypatch):
    monkeypatch.setattr(invitations, "MAX_AN_HOUR", 1)
    invite(adas, "a@example.com")
    assert "1 invitation sent." in text_of(invite(eves, "a@example.com", page="/w/other/members/invite/"))


def test_a_mail_server_that_is_down_is_named_and_the_invitation_stays(adas, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 1, 1
    text = text_of(invite(adas, "a@example.com", "b@example.com"))
    assert "The mail server didn’t accept the mail to a@example.com, b@example.com. When it works again, use “Send again” under Invited." in text
    assert "sent. They expire" not in text
    assert Invitation.objects.count() == 2


def test_an_address_that_no_mail_can_go_to_is_named_and_the_others_get_theirs(adas, settings):
    settings.EMAIL_BACKEND = "tests.dashboard.test_expiry_notices.Refusing"
    text = text_of(invite(adas, "a@refused.example", "b@example.com"))
    assert "didn’t accept the mail to a@refused.example." in text
    assert [address for address, _, _ in mails()] == ["b@example.com"]


def act(browser, what, pk, workspace="demo"):
    return browser.post(f"/w/{workspace}/members/invitations/{pk}/{what}/", follow=True)


@pytest.fixture
def jonas(adas):
    """An open invitation as a developer."""
    invite(adas, "jonas@example.com", role="developer")
    return Invitation.objects.get()


def test_without_a_mail_server_one_is_told_where_the_mail_is(adas, settings, tmp_path):
    mail.wait_until_sent()  # Ada's sign-in is told her behind the page: it would be a second file
    settings.DATA_DIR = tmp_path
    settings.EMAIL_BACKEND = "dashboard.instance.mail.files.Backend"
    text = text_of(invite(adas, "jonas@example.com"))
    [file] = (tmp_path / "mail").iterdir()
    assert f"This instance has no mail server yet. Ask its operator for the mail: in DATA_DIR/mail, {file.name}." in text
    assert "To have mail sent, the operator sets EMAIL_URL." in text


def test_sending_again_makes_a_new_link_and_the_old_one_stops(adas, ada, jonas, browser):
    old = link_to(jonas.email)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "1 invitation sent. It expires on" in text_of(act(adas, "send-again", jonas.pk))
    new = link_to(jonas.email)
    assert new != old
    assert browser.get(old, follow=True).status_code == 404
    assert "as a developer" in text_of(browser.get(new, follow=True))
    assert [event for event, actor, *_ in events("invitation") if actor == ada.audit_name] == ["invitation.sent_again"]


def test_one_address_is_sent_so_many_an_hour(adas, jonas):
    for _ in range(4):
        act(adas, "send-again", jonas.pk)
    assert "jonas@example.com was sent 5 invitations within an hour. Send the next one later." in text_of(act(adas, "send-again", jonas.pk))
    assert len(mails()) == 5


def test_withdrawing_kills_the_link(adas, ada, jonas, browser):
    text = text_of(act(adas, "withdraw", jonas.pk))
    assert "The invitation of jonas@example.com is withdrawn." in text
    assert "Send again" not in text
    assert browser.get(link_to(jonas.email), follow=True).status_code == 404
    assert events("invitation.withdrawn") == [("invitation.withdrawn", ada.audit_name, "jonas@example.com", {"role": "developer"}, {})]


@pytest.mark.parametrize("what", ["send-again", "withdraw"])
def test_what_was_withdrawn_is_not_there_any_more(adas, jonas, what):
    act(adas, "withdraw", jonas.pk)
    assert act(adas, what, jonas.pk).status_code == 404


@pytest.mark.parametrize("what", ["send-again", "withdraw"])
def test_neither_takes_a_get(adas, jonas, what):
    assert adas.get(f"/w/demo/members/invitations/{jonas.pk}/{what}/").status_code == 405


@pytest.mark.parametrize("what", ["send-again", "withdraw"])
def test_an_admin_touches_no_invitation_of_an_owner(adas, dans, what):
    invite(adas, "olivia@example.com", role="owner")
    before = Invitation.objects.values().get()
    assert act(dans, what, before["id"]).status_code == 403
    assert Invitation.objects.values().get() == before


@pytest.mark.parametrize("what", ["send-again", "withdraw"])
@pytest.mark.parametrize("pk", ["other", 0, 2**63, 10**30])
def test_an_invitation_of_another_workspace_is_not_there(eves, jonas, what, pk):
    assert act(eves, what, jonas.pk if pk == "other" else pk, "other").status_code == 404
    assert act(eves, what, jonas.pk).status_code == 404
    assert Invitation.objects.get().withdrawn_at is None


@pytest.mark.parametrize("what", ["send-again", "withdraw"])
def test_a_viewer_does_neither(bens, jonas, what):
    assert act(bens, what, jonas.pk).status_code == 403


def test_many_open_invitations_have_a_page_of_their_own(adas, ada, demo):
    by = membership_of(ada, demo)
    for number in range(60):
        invitation_link(by, f"p{number:02}@example.com")
    assert "All invitations" in text_of(adas.get("/w/demo/members/"))
    text = text_of(adas.get("/w/demo/members/invitations/"))
    assert "1 to 50 of 60" in text
    assert text.count("Send again") == 50


def test_a_viewer_sees_who_is_invited(bens, jonas, demo):
    text = text_of(bens.get("/w/demo/members/invitations/"))
    assert "jonas@example.com" in text
    assert "Send again" not in text
    assert "jonas@example.com" in text_of(bens.get("/w/demo/members/"))


def test_without_invitations_their_page_says_so(adas):
    assert "Nobody is invited at the moment." in text_of(adas.get("/w/demo/members/invitations/"))


def test_invitations_are_pruned_long_after_their_end(adas, ada, demo, now):
    for days in (98, 96):
        invitation_link(membership_of(ada, demo), f"d{days}@example.com", now=now - timedelta(days=days))
    assert prune.prune(now=now)["invitations"] == 1
    assert Invitation.objects.get().email == "d96@example.com"


def test_whoever_was_removed_meanwhile_invites_nobody(adas, ada, dan, demo):
    browser = sign_in(dan)
    membership_of(dan, demo).delete()
    assert invite(browser, "jonas@example.com").status_code == 404
    assert factories.invite(membership_of(ada, demo), "jonas@example.com").invitation.role == Role.VIEWER


class Noted(EmailBackend):
    """Notes which thread sends what."""

    threads: ClassVar[dict[str, str]] = {}

    def send_messages(self, messages):
        self.threads.update({message.to[0]: current_thread().name for message in messages})
        return super().send_messages(messages)


def test_a_mail_server_that_takes_long_keeps_nobody_s_page_waiting(adas, settings, monkeypatch):
    """What isn't sent when the patience of a page ends goes behind it."""
    settings.EMAIL_BACKEND = f"{__name__}.Noted"
    monkeypatch.setattr(mail, "PATIENCE", 0)
    mail.wait_until_sent()
    Noted.threads.clear()
    emails = [f"{name}@example.com" for name in "abcd"]
    text = text_of(invite(adas, *emails))
    mail.wait_until_sent()
    assert "4 invitations sent." in text
    assert sorted(Noted.threads) == emails
    assert all(thread.startswith("mail") for thread in Noted.threads.values())
