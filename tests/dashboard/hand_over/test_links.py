"""Making and withdrawing hand-over links for a client."""

import re

import pytest
from django.core import mail as outbox
from django.utils import timezone

from clients.models import AuditEvent, Client, HandOver
from clients.services import clients, hand_overs
from dashboard.frame import spent_forms
from tests import factories
from tests.dashboard.conftest import text_of


@pytest.fixture
def client(demo):
    return factories.create_client(demo).secret.client


@pytest.fixture
def page(client):
    return f"/w/demo/clients/{client.client_id}/hand-over/"


def entries(**fields):
    return {"once": spent_forms.new_token(), "recipient": "jonas@example.com", "lifetime": "24h", "secret_expiry": "90d", **fields}


def link_in(response):
    return re.search(r"https://[^\s<]+/accounts/hand-over/[^\s<]+/", response.content.decode())[0]


def test_the_link_is_shown_once_and_withdrawn(adas, page, client):
    response = adas.post(page, entries(recipient="<b>Jo</b>"))
    link = link_in(response)
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "strict-origin"
    assert HandOver.objects.get().token_digest == hand_overs.digest_of(link.split("/")[-2])
    html = adas.get(page).content.decode()
    assert link.split("/")[-2] not in html
    assert "&lt;b&gt;Jo&lt;/b&gt;" in html
    response = adas.post(f"{page}{HandOver.objects.get().pk}/withdraw/", follow=True)
    assert "The link for <b>Jo</b> is withdrawn. It no longer works." in text_of(response)
    assert AuditEvent.objects.get(event="hand_over.withdrawn").target_id == client.client_id


def test_the_list_says_what_became_of_each(adas, page, client):
    now = timezone.now()
    made = [hand_overs.create_hand_over(client=client, recipient=who, **_day(now)) for who in ("open", "used", "withdrawn")]
    hand_overs.note_opening(hand_over=made[0].hand_over, now=now)
    new = hand_overs.use_for_secret(hand_over=made[1].hand_over, is_allowed=bool, actor=factories.TESTS, now=now)
    hand_overs.withdraw_hand_over(client=client, pk=made[2].hand_over.pk, actor=factories.TESTS, now=now)
    HandOver.objects.create(client=client, token_digest="x", recipient="late", created_at=now, created_by="x", expires_at=now)
    text = text_of(adas.get(page))
    assert re.search(r"open Made \S.*? Open, expires .*? Withdraw link for open", text)
    assert f"secret {new.secret.secret_id}" in text
    assert "Withdrawn" in text
    assert re.search(r"late Made \S.* Expired", text)
    assert "The link has already been used, for " in text_of(adas.post(f"{page}{made[1].hand_over.pk}/withdraw/", follow=True))
    clients.disable_client(client=client, actor=factories.TESTS, now=now)
    assert "so its links don’t work" in text_of(adas.get(page))
    Client.objects.update(status="enabled", auth_methods=["self_signed_tls_client_auth"])
    assert "neither a secret nor a key to hand over" in text_of(adas.get(page))


def _day(now):
    return {"lifetime": hand_overs.MAX_LIFETIME, "secret_lifetime": None, "actor": factories.TESTS, "now": now}


def test_sent_again_the_form_makes_no_second_link_even_at_once(adas, page, monkeypatch):
    sent = entries(once="a" * 32)
    adas.post(page, sent)
    response = adas.post(page, sent, follow=True)
    assert "has been made and shown, and can’t be shown again." in text_of(response)
    monkeypatch.setattr(spent_forms, "find_spent", lambda _request: None)
    assert adas.post(page, sent)["Location"] == page
    assert HandOver.objects.count() == 1


@pytest.mark.long
def test_it_is_mailed_and_if_that_fails_it_is_shown(adas, page, settings):
    response = adas.post(page, entries(sends="on"))
    [sent] = [sent for sent in outbox.outbox if sent.to == ["jonas@example.com"]]
    assert link_in(response) in sent.body
    assert "Mailed to jonas@example.com." in text_of(response)
    assert "Open this link on a machine where you can save a secret" in sent.body
    settings.EMAIL_BACKEND = "dashboard.instance.mail.files.Backend"
    text = text_of(adas.post(page, entries(sends="on")))
    assert "This instance has no mail server yet, so jonas@example.com got no mail. Copy the link and send it yourself." in text
    assert "Mailed to" not in text
    assert "You get mail" not in text
    settings.EMAIL_BACKEND = "tests.dashboard.hand_over.test_links.NoMail"
    response = adas.post(page, entries(sends="on"))
    assert "The mail server didn’t accept the email to jonas@example.com." in text_of(response)
    assert link_in(response)


def test_the_mail_says_nothing_of_a_secret_if_the_client_takes_only_a_key(adas, page):
    Client.objects.update(auth_methods=["private_key_jwt"])
    adas.post(page, entries(sends="on"))
    [sent] = [sent for sent in outbox.outbox if sent.to == ["jonas@example.com"]]
    for text in (sent.body, " ".join(sent.alternatives[0].content.split())):
        assert "Open this link where your program’s public key is" in text
        assert "You register the key there, once." in text
        assert "secret" not in text


class NoMail:
    def __init__(self, **_options):
        pass

    def send_messages(self, _messages):
        raise ConnectionRefusedError


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"recipient": "", "sends": "on"}, "To mail the link, enter an email address"),
        ({"recipient": "Jonas", "sends": "on"}, "To mail the link, enter an email address"),
        ({"lifetime": ""}, "Choose how long the link works."),
        ({"lifetime": "1y"}, "Choose how long the link works."),
        ({"secret_expiry": ""}, "Choose when the secret expires."),
        ({"secret_expiry": "1y"}, "Choose when the secret expires."),
    ],
)
def test_what_makes_no_sense_makes_no_link(adas, page, fields, said):
    response = adas.post(page, entries(**fields))
    assert said in text_of(response)
    assert "<title>Error: " in response.content.decode()
    assert not HandOver.objects.exists()


def test_what_the_service_refuses_is_said_and_only_what_the_workspace_allows_is_offered(adas, page, client, demo, monkeypatch):
    monkeypatch.setattr(hand_overs, "MAX_OPEN", 1)
    hand_overs.create_hand_over(client=client, recipient="", **_day(timezone.now()))
    demo.max_secret_lifetime_days = 60
    demo.save(update_fields=["max_secret_lifetime_days"])
    response = adas.post(page, entries(secret_expiry="60d"))
    assert "Withdraw one before you make another." in text_of(response)
    assert re.findall(r'name="secret_expiry" value="(\w+)"', response.content.decode()) == ["30d", "60d"]


def test_a_link_of_another_client_is_not_found(adas, page, other):
    theirs = factories.create_client(other).secret.client
    made = hand_overs.create_hand_over(client=theirs, recipient="", **_day(timezone.now()))
    assert adas.post(f"{page}{made.hand_over.pk}/withdraw/").status_code == 404
    assert adas.get(f"/w/demo/clients/{theirs.client_id}/hand-over/").status_code == 404
    assert HandOver.objects.get().withdrawn_at is None


def test_a_viewer_sees_the_links_and_who_can_make_one(bens, page, client):
    hand_overs.create_hand_over(client=client, recipient="jonas@example.com", **_day(timezone.now()))
    response = bens.get(page)
    assert "jonas@example.com" in text_of(response)
    assert "You are a viewer." in text_of(response)
    assert "Withdraw" not in text_of(response)
    assert "Make link" not in text_of(response)
    assert bens.post(page, entries()).status_code == 403


def test_a_developer_makes_one_and_proves_who_they_are_first(danas, page):
    session = danas.session
    session["account_authentication_methods"] = [{**method, "at": 0} for method in session["account_authentication_methods"]]
    session.save()
    assert danas.post(page, entries())["Location"].startswith("/accounts/confirm/")
    assert not HandOver.objects.exists()
    assert link_in(danas.post(f"/accounts/confirm/?next={page}", {"password": factories.PASSWORD}))
