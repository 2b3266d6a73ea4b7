"""A form that creates a secret creates it once, whatever happens to the request; and entries outlive a session."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat
from django.test import Client as DjangoClient
from django.utils import timezone

from clients.models import AuditEvent, Client
from clients.secret import generate
from dashboard.background import prune
from dashboard.frame import spent_forms
from dashboard.models import SpentForm
from tests import factories, public_keys
from tests.dashboard.accounts.conftest import age_confirmation
from tests.dashboard.conftest import Browser, sign_in, text_of
from tests.dashboard.create.conftest import NEW, entries, once_of, secrets_in


@pytest.mark.long
def test_the_same_form_again_says_what_it_made_for_a_month(danas, demo):
    sent = entries()
    danas.post(NEW, sent)
    page = danas.post(NEW, sent)
    assert page.status_code == 200
    text = text_of(page)
    assert re.search(r"refunds-worker was created on \d+ \w+ \d\d:\d\d\. Its secret was shown once and can’t be shown again\.", text)
    assert "Make a new secret" in text
    assert secrets_in(page) == set()
    assert Client.objects.count() == 1
    assert page["Cache-Control"] == "no-store"
    now = timezone.now()
    assert prune.prune(now=now)["spent_forms"] == 0
    assert prune.prune(now=now + timedelta(days=31))["spent_forms"] == 1


def test_of_two_simultaneous_forms_one_makes_a_client(danas, demo, monkeypatch):
    """The second checked before the first was done, and fails in its transaction."""
    sent = entries()
    danas.post(NEW, sent)
    seen = []

    def find_spent(request):
        seen.append(request)
        return None if len(seen) == 1 else spent_forms.find_spent(request)

    monkeypatch.setattr("dashboard.clients.create.views.find_spent", find_spent)
    page = danas.post(NEW, {**sent, "name": "second"})
    assert "refunds-worker was created on" in text_of(page)
    assert secrets_in(page) == set()
    assert list(Client.objects.values_list("name", flat=True)) == ["refunds-worker"]
    assert AuditEvent.objects.filter(event="client.created").count() == 1


def test_a_form_whose_client_is_gone_is_not_found(danas, demo):
    sent = entries()
    SpentForm.objects.create(token=sent["once"], user=demo.memberships.first().user, made="gone", created_at=timezone.now())
    assert danas.post(NEW, sent).status_code == 404


@pytest.mark.long
@pytest.mark.parametrize("once", [None, "cut-off"], ids=["none", "cut off"])
def test_a_form_whose_token_is_no_good_comes_back_with_one_that_is(danas, demo, once):
    page = danas.post(NEW, entries(once=once))
    assert "This page is incomplete. Check your entries and send them again." in text_of(page)
    assert not Client.objects.exists()
    assert secrets_in(danas.post(NEW, entries(once=once_of(page))))


def test_a_client_with_a_key_has_no_secret_to_make_again(danas, demo):
    sent = entries(method="assertion", public_key=public_keys.pem())
    danas.post(NEW, sent)
    text = text_of(danas.post(NEW, sent))
    assert "refunds-worker was created on" in text
    assert "secret" not in text.split("Nothing was made")[0].split("was created on")[1]


@pytest.mark.parametrize("changes", [{}, {"method": "assertion", "public_key": public_keys.pem()}], ids=["secret", "public key"])
def test_after_ten_minutes_one_proves_who_one_is_and_the_form_goes_on(danas, demo, changes):
    sent = entries(**changes)
    age_confirmation(danas)
    asked = danas.post(NEW, sent)
    assert unquote(asked["Location"]) == f"/accounts/confirm/?next={NEW}"
    assert not Client.objects.exists()
    page = danas.post(asked["Location"], {"password": factories.PASSWORD})
    assert "refunds-worker is ready" in text_of(page)
    assert Client.objects.count() == 1


def test_a_wrong_form_asks_for_no_proof_and_a_private_key_in_a_group_that_does_not_count_is_not_kept_for_one(danas, demo):
    private = public_keys.private_pem("P-256", PrivateFormat.PKCS8)
    age_confirmation(danas)
    assert "Enter a name, for example billing-sync." in text_of(danas.post(NEW, entries(name="")))
    danas.post(NEW, entries(public_key=private))
    assert private[40:80] not in str(dict(danas.session))


def test_what_was_typed_outlives_the_session(dana, demo):
    sent = entries(scopes=["read", "write"], description="a <b>", public_key="x", jwks_uri="")
    stranger = Browser()
    page = stranger.post(NEW, sent)
    assert page.status_code == 403
    text = text_of(page)
    assert "You were signed out" in text
    assert "Nothing was saved. Your entries are kept on this page." in text
    assert "Keys and certificates are not kept." in text
    kept = re.findall(r'name="([^"]+)"\s+value="([^"]*)"', page.content.decode())
    kept = [(name, unescape(value)) for name, value in kept if name != "csrfmiddlewaretoken"]
    assert ("description", "a <b>") in kept
    assert [value for name, value in kept if name == "scopes"] == ["read", "write"]
    assert "public_key" not in dict(kept)
    again = sign_in(dana, stranger).post(NEW, {name: [value for other, value in kept if other == name] for name, _ in kept})
    assert "refunds-worker is ready" in text_of(again)


def test_a_credential_among_the_entries_isnt_kept(demo):
    secret = generate("live").plaintext
    page = Browser().post(NEW, {**entries(), "description": secret})
    assert secret not in page.content.decode()
    assert "Keys and certificates are not kept." in text_of(page)


def test_another_site_gets_no_page_with_entries(demo):
    """It has no CSRF token, and the person didn't enter what it sends."""
    checked = DjangoClient(enforce_csrf_checks=True)
    page = checked.post(NEW, entries(), secure=True)
    assert page.status_code == 403
    assert "refunds-worker" not in page.content.decode()
