"""/w/<workspace>/clients/new/preview/: what the form amounts to, in words and as a command that does the same."""

import json
import re
import shlex
from datetime import timedelta
from html import unescape
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from clients.models import Client
from clients.services.workspaces import change_workspace
from tests import factories, public_keys
from tests.dashboard.conftest import make_certificate, text_of
from tests.dashboard.create.conftest import NEW, entries

PREVIEW = NEW + "preview/"


def preview(browser, **changes):
    """As the script asks."""
    page = browser.post(PREVIEW, entries(**changes), headers={"HX-Request": "true"})
    assert page.status_code == 200
    assert page["Cache-Control"] == "no-store"
    assert not Client.objects.filter(name="refunds-worker").exists()
    return text_of(page)


def command_of(page):
    """Its words as a shell splits them."""
    code = page.content.decode().split('id="same-command">')[1].split("</code>")[0]
    return shlex.split(unescape(re.sub(r"<[^>]*>", "", code)).replace("\\\n", ""))[3:]


def test_page_begins_with_what_an_untouched_form_gives_and_with_the_default_of_the_workspace(danas, demo):
    text = text_of(danas.get(NEW))
    assert "Client no name yet Live" in text
    assert "Can nothing yet: its tokens only say who it is" in text
    assert "Credential 1 secret, until" in text
    assert "Tokens 1 hour, for https://localhost:8443/w/demo" in text
    assert "From any address" in text
    assert "--name NAME" in text
    change_workspace(workspace=demo, default_secret_lifetime_days=45, max_token_lifetime=600, actor=factories.TESTS, now=timezone.now())
    html = danas.get(NEW).content.decode()
    assert 'value="45d"' in html
    assert f"until {(timezone.now() + timedelta(days=45)):%-d %b %Y}" in text_of(html)


def test_words_follow_the_form(danas, demo):
    text = preview(
        danas,
        scopes=["read"],
        secret_expiry="never",
        audiences="https://a.example.com",
        allowed_networks="203.0.113.0/24",
        token_lifetime="300",
        require_dpop="on",
        require_certificate="on",
    )
    assert "Client refunds-worker Live" in text
    assert "Can read" in text
    assert "1 secret, never expires" in text
    assert "Tokens 5 minutes, for https://a.example.com" in text
    assert "Bound to a key, by DPoP, and a certificate" in text
    assert "From 203.0.113.0/24" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"public_key": json.dumps(public_keys.jwk("P-256", kid="k-3f9c"))}, ["Public key k-3f9c, ES256, P-256", "--public-key public.pem"]),
        ({"public_key": public_keys.pem("RSA-2048")}, ["RSA, any of its algorithms, 2,048 bits"]),
        ({"jwks_uri": "https://robot.example.com/jwks.json"}, ["Credential Public keys from https://robot.example.com/jwks.json"]),
        ({"public_key": "{"}, ["The JSON of the JWK is damaged."]),
        ({}, ["not chosen yet"]),
        (
            {"method": "mtls", "credential_certificate": make_certificate("refunds")},
            ["Certificate of CN=refunds, until", "within 30 days. Have the next one ready.", "--certificate client.pem"],
        ),
        (
            {"method": "secret", "name": "", "environment": "", "scopes": ["nope"], "token_lifetime": "1", "secret_expiry": "date"},
            ["no name yet", "expiry not chosen yet"],
        ),
    ],
    ids=["JWK", "PEM", "address", "damaged", "none", "certificate", "not right yet"],
)
def test_a_credential_is_read_before_it_is_saved_and_what_isnt_right_yet_is_left_out(danas, demo, changes, said):
    text = preview(danas, **{"method": "assertion", **changes})
    for part in said:
        assert part in text


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": 'it\'s $HOME `id` "x"', "environment": "test", "contact": "-team", "tags": "a b, c"},
        {"accepts": ["client_secret_post"], "scopes": ["read", "write"], "secret_expiry": "never", "token_lifetime": "300"},
        {"audiences": "https://a.example.com https://b.example.com", "allowed_networks": "203.0.113.0/24, 2001:db8::/48", "require_dpop": "on"},
        {"method": "assertion", "jwks_uri": "https://robot.example.com/jwks.json", "require_certificate": "on"},
        {"method": "mtls", "certificate_by": "subject", "tls_subject_type": "tls_client_auth_san_dns", "tls_subject": "a.example.com"},
        {"description": "Pays back"},
    ],
    ids=str,
)
def test_the_command_makes_the_same_client(danas, demo, changes):
    sent = entries(**changes)
    command = command_of(danas.post(PREVIEW, sent))
    call_command("create_client", *command, "--json", stdout=StringIO())
    danas.post(NEW, sent)
    by_page, by_command = Client.objects.order_by("-pk")
    own = ("id", "_state", "client_id", "created_at", "created_by")
    assert {name: value for name, value in vars(by_page).items() if name not in own} == {
        name: value for name, value in vars(by_command).items() if name not in own
    }
    lifetimes = [list(client.secrets.values_list("lifetime", flat=True)) for client in (by_page, by_command)]
    assert lifetimes[0] == lifetimes[1]


def test_viewer_has_no_preview_and_looking_at_it_is_no_page(bens, danas):
    assert bens.post(PREVIEW).status_code == 403
    assert danas.get(PREVIEW).status_code == 405
