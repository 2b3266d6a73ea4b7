"""Findings are revoked, and the remaining tasks are ticked off."""

import re
import time
from datetime import timedelta
from html import unescape

import pytest

from clients.models import AuditEvent, ClientSecret
from dashboard.instance import mail
from dashboard.leak import findings, views
from dashboard.models import Membership
from dashboard.people import quotas
from oauth.models import FailureCount, RevokedToken
from tests import factories
from tests.dashboard.conftest import create_certificate, create_public_key, sign_in, text_of
from tests.dashboard.leak.conftest import STOP, URL, ask_for_token, look_up


def buttons_of(page):
    """What the page's buttons name."""
    return list(dict.fromkeys(re.findall(r'name="what"\s+value="([^"]+)"', page.content.decode())))


def stop(browser, what):
    return browser.post(STOP, {"what": what})


@pytest.mark.long
def test_a_pasted_secret_is_revoked_in_two_clicks(danas, billing):
    """The events say who ended what and why. Ending it again changes nothing."""
    what = f"s.{billing.secret.secret_id}"
    assert danas.get(STOP)["Location"] == URL
    assert danas.get(STOP, {"what": what})["Location"] == f"{URL}?what={what}"
    assert ask_for_token(billing).status_code == 200
    page = look_up(danas, billing.plaintext)
    answer = stop(danas, buttons_of(page))
    assert answer.status_code == 302
    assert ask_for_token(billing).status_code == 401
    text = text_of(danas.get(answer["Location"]))
    assert re.search(r"Revoked at \d\d:\d\d:\d\d\. 1 token ended\. 1 request refused since\.", text)
    assert f"Ended: secret {billing.secret.secret_id} of billing-sync" in text
    # The counts are renewed by themselves.
    ask_for_token(billing)
    part = danas.get(answer["Location"], headers={"HX-Request": "true"})
    assert text_of(part).startswith("2 requests refused since.")
    assert "<html" not in part.content.decode()
    ended = ClientSecret.objects.get().revoked_at
    assert stop(danas, [what]).status_code == 302
    assert ClientSecret.objects.get().revoked_at == ended
    event = AuditEvent.objects.get(event="secret.revoked")
    assert event.target_id == billing.secret.secret_id
    assert event.after["reason"] == "leaked"
    assert event.actor.endswith("dana@example.com")


def test_everything_that_was_found_ends_together(danas, demo, billing):
    token = ask_for_token(billing).json()["access_token"]
    second = factories.create_client(demo, name="route-planner")
    key, certificate = create_public_key(billing.secret.client), create_certificate(second.secret.client)
    page = look_up(danas, f"{second.plaintext}\n{token}")
    assert "Revoke all 2" in text_of(page)
    client_id = second.secret.client.client_id
    what = [*buttons_of(page), f"k.{billing.secret.client.client_id}.{key.kid}", f"c.{client_id}.{certificate.thumbprint}"]
    text = text_of(danas.get(stop(danas, what)["Location"]))
    assert "Ended: " in text
    for row in (second.secret, key, certificate):
        row.refresh_from_db()
        assert row.revoked_at is not None
    assert ClientSecret.objects.get(pk=billing.secret.pk).revoked_at is None
    assert RevokedToken.objects.count() == 1
    assert "Tell payments@example.com that billing-sync needs new credentials" in text
    assert "Tell the person who runs route-planner that it needs new credentials" in text


@pytest.mark.long
def test_a_token_ends_alone_and_is_not_counted_again(danas, billing):
    first, second, _ = (ask_for_token(billing).json()["access_token"] for _ in range(3))
    [what] = buttons_of(look_up(danas, first))
    stop(danas, [what[:-1] + ("A" if what[-1] != "A" else "B")])
    assert not RevokedToken.objects.exists()
    answer = stop(danas, [what])
    assert "1 token ended." in text_of(danas.get(answer["Location"]))
    assert "that doesn’t work any more" in text_of(look_up(danas, first))
    assert "more minutes" in text_of(look_up(danas, second))
    assert "2 tokens ended." in text_of(danas.get(stop(danas, [f"s.{billing.secret.secret_id}"])["Location"]))


@pytest.mark.parametrize("what", [[], ["s.nothere"], ["t.forged"], ["i.aaaaaaaaaaaaaaaaaaaa"]])
def test_a_missing_reference_revokes_nothing(danas, demo, what):
    answer = stop(danas, what)
    assert answer["Location"] == URL
    assert "Nothing was revoked: what you named no longer exists." in text_of(danas.get(URL))


def test_nobody_ends_what_belongs_to_another_workspace(danas, demo, strange):
    stop(danas, [f"s.{strange.new.secret.secret_id}"])
    assert ClientSecret.objects.get(pk=strange.new.secret.pk).revoked_at is None


def test_somebody_who_signed_in_long_ago_proves_it_first_and_the_click_is_kept(danas, billing, dana):
    session = danas.session
    for method in session["account_authentication_methods"]:
        method["at"] -= 3600
    session.save()
    answer = stop(danas, [f"s.{billing.secret.secret_id}"])
    assert answer["Location"].startswith("/accounts/confirm/")
    assert ClientSecret.objects.get(pk=billing.secret.pk).revoked_at is None
    danas.post(answer["Location"], {"password": factories.PASSWORD})
    assert ClientSecret.objects.get(pk=billing.secret.pk).revoked_at is not None


@pytest.mark.long
def test_finished_tasks_are_saved_in_the_address(danas, dans, billing, now):
    client = billing.secret.client
    client.created_at = now - timedelta(days=60)
    client.save(update_fields=["created_at"])
    ask_for_token(billing, address="192.0.2.201")
    address = stop(danas, [f"s.{billing.secret.secret_id}"])["Location"]
    page = danas.get(address)
    text = text_of(page)
    assert "Look at the 1 request from 192.0.2.201 Show requests" in text
    assert f"/w/demo/clients/{client.client_id}/requests/?address=192.0.2.201" in page.content.decode()
    assert "Remove it from where you found it" in text
    assert "Show events" in text
    assert "checked" not in page.content.decode()
    ticked = danas.get(f"{address}&tick=remove&tick=tell-0").content.decode()
    assert len(re.findall(r"\schecked", ticked)) == 2
    # The events of the client are a click away, however old they are.
    events = f"/w/demo/audit/?client={client.client_id}&period=all"
    assert events in unescape(page.content.decode())
    assert "Export" in text_of(dans.get(events))


@pytest.mark.long
def test_a_long_list_is_ended_whole_though_the_address_names_its_beginning(danas, billing, monkeypatch):
    """A dump of more than is told at once is ended round by round."""
    monkeypatch.setattr(findings, "MAX_FOUND", 2)
    most = views._MAX_IN_ADDRESS
    monkeypatch.setattr(views, "_MAX_IN_ADDRESS", 2)
    news = [billing, *(factories.create_secret(billing.secret.client) for _ in range(4))]
    dump, rounds = "\n".join(new.plaintext for new in news), 0
    while what := buttons_of(look_up(danas, dump)):
        stop(danas, what)
        rounds += 1
    assert rounds == 3
    assert not ClientSecret.objects.filter(revoked_at=None).exists()
    ClientSecret.objects.update(revoked_at=None)
    answer = stop(danas, [f"s.{new.secret.secret_id}" for new in news])
    assert not ClientSecret.objects.filter(revoked_at=None).exists()
    assert answer["Location"].count("what=") == 2
    assert len(answer["Location"]) / 2 * most < 2000


def test_a_viewer_sees_everything_but_the_buttons(bens, billing):
    ask_for_token(billing)
    page = look_up(bens, billing.plaintext)
    text = text_of(page)
    assert "It works right now, and it is in use" in text
    assert "203.0.113.61" in text
    assert "You are a viewer. ada@example.com can revoke it." in text
    assert "Revoke secret" not in text
    assert "Make a new secret first" not in text
    assert stop(bens, [f"s.{billing.secret.secret_id}"]).status_code == 403


def test_a_viewer_notifies_people_who_can_revoke_by_a_mail_without_the_secret(bens, billing, dana, mailoutbox, settings):
    page = look_up(bens, billing.plaintext)
    text = text_of(page)
    assert text.index("Stop it now") < text.index("Tell ada@example.com and dana@example.com") < text.index("Anybody who has it can")
    answer = bens.post(URL, {"tell": "yes", "what": buttons_of(page)})
    mail.wait_until_sent()
    messages = [message for message in mailoutbox if "leaked" in message.subject]
    assert {message.to[0] for message in messages} == {"ada@example.com", "dana@example.com"}
    message = messages[0]
    assert message.subject == f"Secret {billing.secret.secret_id} leaked: billing-sync"
    assert f"- secret {billing.secret.secret_id} of billing-sync" in message.body
    link = re.search(r"https://\S+?(/w/demo/leak/\?what=\S+)", message.body)[1]
    assert billing.plaintext not in message.body + str(message.alternatives)
    assert "ada@example.com and dana@example.com got an email with a link to this page." in text_of(bens.get(answer["Location"]))
    assert "Revoke secret" in text_of(sign_in(dana).get(link))
    settings.EMAIL_BACKEND = "dashboard.instance.mail.files.Backend"
    answer = bens.post(URL, {"tell": "yes", "what": f"s.{factories.create_secret(billing.secret.client).secret.secret_id}"})
    mail.wait_until_sent()
    text = text_of(bens.get(answer["Location"]))
    assert "This instance has no mail server yet, so ada@example.com and dana@example.com got no mail. Send them this page’s address." in text
    assert "got an email with a link" not in text


def test_no_mail_is_sent_without_a_finding_or_too_often(bens, billing, monkeypatch, mailoutbox):
    assert bens.post(URL, {"tell": "yes", "what": "s.nothere"})["Location"] == URL
    monkeypatch.setattr(quotas, "MAX_LOOK_UPS", 0)
    answer = bens.post(URL, {"tell": "yes", "what": f"s.{billing.secret.secret_id}"})
    assert "Too many attempts. Wait" in text_of(bens.get(answer["Location"]))
    mail.wait_until_sent()
    assert not any("leaked" in message.subject for message in mailoutbox)


def test_one_person_s_mails_about_much_stand_in_one_more(bens, demo, ada, monkeypatch, mailoutbox):
    monkeypatch.setattr(quotas, "MAX_NOTICES_TO_MEMBER", 2)
    secrets = [factories.create_client(demo).secret.secret_id for _ in range(5)]
    mail.wait_until_sent()
    mailoutbox.clear()
    for secret in secrets:
        bens.post(URL, {"tell": "yes", "what": f"s.{secret}"})
    mail.wait_until_sent()
    *each, more = [message for message in mailoutbox if message.to == [ada.email]]
    assert [message.subject for message in each] == [f"Secret {secret} leaked: billing-sync" for secret in secrets[:2]]
    assert more.subject == "More notices: 3 at once"
    for secret in secrets[2:]:
        assert f"- Secret {secret} leaked: billing-sync" in more.body


@pytest.mark.long
def test_nobody_is_told_of_the_same_twice_within_an_hour(bens, eve, demo, billing, dana, mailoutbox):
    factories.add_member(demo, eve, Membership.Role.VIEWER)
    other, told = factories.create_client(demo, name="other"), {"tell": "yes", "what": f"s.{billing.secret.secret_id}"}
    answers = [browser.post(URL, told) for browser in (bens, bens, sign_in(eve))]
    mail.wait_until_sent()
    assert sorted(message.to[0] for message in mailoutbox if "leaked" in message.subject) == ["ada@example.com", "dana@example.com"]
    assert "ada@example.com and dana@example.com were already notified within the last hour." in text_of(bens.get(answers[1]["Location"]))
    mailoutbox.clear()
    bens.post(URL, {"tell": "yes", "what": [f"s.{billing.secret.secret_id}", f"s.{other.secret.secret_id}"]})
    mail.wait_until_sent()
    assert len([message for message in mailoutbox if "leaked" in message.subject]) == 2
    mailoutbox.clear()
    FailureCount.objects.filter(window_ends__gt=time.time() + 3000).update(window_ends=int(time.time()))
    bens.post(URL, told)
    mail.wait_until_sent()
    assert len([message for message in mailoutbox if "leaked" in message.subject]) == 2
