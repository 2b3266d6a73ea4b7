"""Using a hand-over link, without an account."""

import json
import re
from datetime import timedelta
from pathlib import Path
from time import process_time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.contrib.sessions.models import Session
from django.core import mail as outbox
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients.models import AuditEvent, ClientPublicKey, ClientSecret, HandOver
from clients.public_key import read_public_keys
from clients.redaction import redact
from clients.services import clients, hand_overs
from clients.services.audit import Actor
from clients.services.public_keys import add_public_keys
from dashboard.instance import mail
from dashboard.people import quotas
from oauth.models import FailureCount
from tests import factories, hostile_keys
from tests.certificates import pem as certificate_pem
from tests.certificates import self_signed
from tests.dashboard.conftest import Browser, text_of
from tests.public_keys import jwk, pem, private, private_pem

OPEN = "/accounts/hand-over/"


@pytest.fixture
def client(demo):
    return factories.create_client(demo, auth_methods=["client_secret_basic", "private_key_jwt"]).secret.client


def make(client, *, by="command:tests", **fields):
    entries = {"recipient": "jonas@example.com", "lifetime": hand_overs.MAX_LIFETIME, "secret_lifetime": None, "now": timezone.now(), **fields}
    return hand_overs.create_hand_over(client=client, actor=Actor(by), **entries)


@pytest.fixture
def made(client, ada):
    return make(client, by=ada.audit_name)


@pytest.fixture
def jonas(browser, made):
    """A browser in which the link was opened."""
    assert browser.get(f"{OPEN}{made.plaintext}/")["Location"] == OPEN
    return browser


def take(browser, made, **fields):
    return browser.post(OPEN, {"link": made.hand_over.pk, "act": "secret", **fields})


@pytest.mark.parametrize("act", ["secret", "key"])
def test_examples_are_for_a_machine_that_is_elsewhere(jonas, made, settings, act):
    settings.TLS, settings.DATA_DIR = True, Path("/srv/tokenos/var")
    response = take(jonas, made, act=act, public_key=pem() if act == "key" else "")
    assert "/srv/tokenos" not in response.content.decode()
    text = text_of(response)
    assert "curl --cacert ca.pem" in text
    assert "Ask the person who gave you the link for ca.pem" in text


def test_opening_the_link_makes_nothing_and_its_token_is_in_no_page_and_no_log(jonas, made):
    page = jonas.get(OPEN)
    text = text_of(page)
    assert "Take over billing-sync" in text
    assert "of Demo" in text
    assert "This link is for jonas@example.com" in text
    assert "Read what the service offers." in text
    assert ClientSecret.objects.count() == 1
    assert HandOver.objects.get().opened_at is not None
    assert made.plaintext not in page.content.decode()
    assert made.plaintext not in redact(f"GET {OPEN}{made.plaintext}/ 302")
    assert made.plaintext not in str(dict(jonas.session))


def test_the_button_makes_the_secret_shows_it_once_and_tells_who_made_the_link(jonas, made, client):
    second = Browser()
    second.get(f"{OPEN}{made.plaintext}/")
    response = take(jonas, made)
    secret, text = ClientSecret.objects.filter(client=client).first(), text_of(response)
    plaintext = re.search(r"tos_live_\w+", text.replace(" ", ""))[0]
    assert plaintext.startswith(f"tos_live_{secret.secret_id}")
    assert 'download="billing-sync.env"' in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "strict-origin"
    assert "If you lose it, ask the person who gave you the link for another one." in text
    assert "make a new one" not in text
    # A person without an account can’t see requests arrive.
    assert "See it arrive" not in text
    assert jonas.get(OPEN).status_code == 404
    for browser in (jonas, second):
        assert take(browser, made).status_code == 404
    assert ClientSecret.objects.filter(client=client).count() == 2
    mail.wait_until_sent()
    [sent] = outbox.outbox
    assert sent.to == ["ada@example.com"]
    assert f"now has secret {secret.secret_id}." in sent.body
    assert "tos_" not in sent.body


def test_a_maker_who_gets_no_mail_is_no_obstacle(browser, client):
    made = make(client, by="command:root")
    browser.get(f"{OPEN}{made.plaintext}/")
    assert take(browser, made).status_code == 200
    mail.wait_until_sent()
    assert outbox.outbox == []


def test_a_public_key_is_given_instead(jonas, made):
    response = take(jonas, made, act="key", public_key=pem())
    key = ClientPublicKey.objects.get()
    assert "Your key is registered" in text_of(response)
    assert key.kid in text_of(response)
    assert ClientSecret.objects.count() == 1
    assert AuditEvent.objects.get(event="hand_over.used").after["credential"] == f"key:{key.kid}"


def test_a_certificate_is_given_as_the_key_unless_it_ended(jonas, made):
    begins, ends = timezone.now() - timedelta(days=9), timezone.now() - timedelta(days=2)
    pasted = certificate_pem(self_signed(begins=begins, ends=ends).certificate)
    assert "The certificate expired on" in text_of(take(jonas, made, act="key", public_key=pasted))
    assert not ClientPublicKey.objects.exists()
    holder = self_signed()
    assert "Your key is registered" in text_of(take(jonas, made, act="key", public_key=certificate_pem(holder.certificate)))
    assert ClientPublicKey.objects.get().expires_at == holder.certificate.not_valid_after_utc


def test_a_private_key_is_refused_and_not_repeated(jonas, made):
    """For whom learns nothing of them, no certificate of the workspace is read."""
    private = private_pem("P-256", PrivateFormat.PKCS8)
    with CaptureQueriesContext(connection) as queries:
        response = take(jonas, made, act="key", public_key=private)
    assert "That is a private key. It wasn’t stored." in text_of(response)
    assert private.splitlines()[1] not in response.content.decode()
    assert "<title>Error: " in response.content.decode()
    assert HandOver.objects.get().used_at is None
    assert "clientcertificate" not in str(queries.captured_queries)


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("", "Paste the public key of"),
        ("nonsense", "isn’t a PEM public key"),
        ('{"keys": []}', ""),
        (json.dumps({"keys": [jwk("P-256", kid="one"), jwk("P-384", kid="two")]}), "the link accepts only one"),
    ],
    ids=["nothing", "nonsense", "empty set", "several"],
)
def test_anything_but_a_key_is_refused(jonas, made, pasted, words):
    response = take(jonas, made, act="key", public_key=pasted)
    assert words in text_of(response)
    assert not ClientPublicKey.objects.exists()


def test_what_other_clients_have_is_not_told(jonas, made, demo):
    """Neither their public keys nor private keys that match them."""
    planner = factories.create_client(demo, name="route-planner").secret.client
    add_public_keys(client=planner, parsed=read_public_keys(pem()), actor=factories.TESTS, now=timezone.now())
    for pasted in (pem(), private_pem("P-256", PrivateFormat.PKCS8)):
        response = take(jonas, made, act="key", public_key=pasted)
        assert "<title>Error: " in response.content.decode()
        assert "route-planner" not in response.content.decode()


def test_a_key_that_the_client_has_already_is_refused(jonas, made, client):
    add_public_keys(client=client, parsed=read_public_keys(pem()), actor=factories.TESTS, now=timezone.now())
    assert "already" in text_of(take(jonas, made, act="key", public_key=pem()))


def test_a_client_without_signed_assertions_takes_no_key(browser, demo):
    client = factories.create_client(demo, auth_methods=["client_secret_basic"]).secret.client
    made = make(client)
    browser.get(f"{OPEN}{made.plaintext}/")
    assert "public key" not in text_of(browser.get(OPEN))
    public = pem()
    assert "can’t use a public key" in text_of(take(browser, made, act="key", public_key=public))


def test_a_policy_that_became_stricter_is_shown(jonas, made, demo):
    demo.max_secret_lifetime_days = 30
    demo.save(update_fields=["max_secret_lifetime_days"])
    assert "Nothing was made." in text_of(take(jonas, made))
    assert HandOver.objects.get().used_at is None


def dead(kind, client, made):
    now = timezone.now()
    if kind == "withdrawn":
        hand_overs.withdraw_hand_over(client=client, pk=made.hand_over.pk, actor=factories.TESTS, now=now)
    elif kind == "used":
        hand_overs.use_for_secret(hand_over=made.hand_over, is_allowed=bool, actor=factories.TESTS, now=now)
    elif kind == "over":
        HandOver.objects.update(expires_at=now)
    elif kind == "disabled":
        clients.disable_client(client=client, actor=factories.TESTS, now=now)
    elif kind == "deleted":
        client.workspace.deletes_at = now
        client.workspace.save(update_fields=["deletes_at"])


@pytest.mark.parametrize("kind", ["withdrawn", "used", "over", "disabled", "deleted"])
def test_invalid_links_all_look_alike(jonas, made, client, kind):
    forged = Browser().get(f"{OPEN}forged/")
    dead(kind, client, made)
    count = ClientSecret.objects.count()
    for response in (jonas.get(OPEN), take(jonas, made), Browser().get(f"{OPEN}{made.plaintext}/")):
        assert (response.status_code, text_of(response)) == (404, text_of(forged))
    assert ClientSecret.objects.count() == count


def test_somebody_who_sends_the_form_of_another_link_uses_nothing(jonas, made, client):
    second = make(client, recipient="lena@example.com")
    jonas.get(f"{OPEN}{second.plaintext}/")
    assert "for lena@example.com" in text_of(take(jonas, made))
    assert not HandOver.objects.exclude(used_at=None).exists()


def test_a_link_that_somebody_else_used_at_that_moment_no_longer_works(jonas, made, monkeypatch):
    def be_late(**_arguments):
        raise HandOver.DoesNotExist

    monkeypatch.setattr(hand_overs, "use_for_secret", be_late)
    assert take(jonas, made).status_code == 404


def test_wrong_links_keep_nobody_from_a_good_one(browser, made, monkeypatch, settings):
    """Nobody can guess one, and images on another site's page could lock out its readers' address. None leaves a row."""
    monkeypatch.setattr(quotas, "MAX_NEW_SESSIONS", 2)
    settings.FAILURES_PER_CLIENT = settings.FAILURES_PER_ADDRESS = 2
    assert {browser.get(f"{OPEN}wrong-{number}/").status_code for number in range(5)} == {404}
    assert not FailureCount.objects.exists()
    assert not Session.objects.exists()
    assert browser.get(f"{OPEN}{made.plaintext}/").status_code == 302


def test_one_link_fills_no_table_with_sessions(made, monkeypatch):
    monkeypatch.setattr(quotas, "MAX_NEW_SESSIONS", 2)
    answers = [Browser().get(f"{OPEN}{made.plaintext}/") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [302, 302, 429, 429]
    assert "Too many attempts. Wait 5 min and try again. The link still works: open it again then." in text_of(answers[-1])
    assert "isn’t valid" not in text_of(answers[-1])
    assert answers[-1]["Retry-After"]
    assert Session.objects.count() == 2


@pytest.mark.parametrize("kind", ["RSA", "DSA", "DH"])
def test_private_key_with_numbers_that_somebody_chose_is_refused_like_any_other(jonas, made, kind):
    def give(content):
        begun = process_time()
        page = take(jonas, made, act="key", public_key="", file=SimpleUploadedFile("key.der", content))
        assert "That is a private key. It wasn’t stored." in text_of(page)
        return process_time() - begun

    ordinary = private("RSA-2048").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    give(ordinary)
    assert give(hostile_keys.private(kind, 20_000)) < 5 * give(ordinary)
