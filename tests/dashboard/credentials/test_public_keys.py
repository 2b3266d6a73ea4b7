"""Adding public keys: what was pasted is shown before anything is saved."""

import json
import re
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.core.files.uploadedfile import SimpleUploadedFile

from clients.models import AuditEvent, Client, ClientPublicKey
from clients.public_key import read_key
from clients.services.public_keys import revoke_public_key
from clients.services.workspaces import change_workspace
from tests import factories
from tests.certificates import pem as certificate_pem
from tests.certificates import self_signed
from tests.dashboard.conftest import Browser, text_of
from tests.dashboard.credentials.conftest import url


def pem_of(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem_of(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def jwk_set(*kids):
    return json.dumps({"keys": [{**read_key(ec.generate_private_key(ec.SECP256R1()).public_key()).public_jwk, "kid": kid} for kid in kids]})


def page_of(client):
    return url(client, "keys", "new")


def show(browser, client, text, **fields):
    return browser.post(page_of(client), {"public_key": text, **fields})


def seen_in(page):
    return re.search(r'name="seen" value="([^"]+)"', page.content.decode())[1]


def add(browser, client, text, **fields):
    """Both steps. chosen: the ticked keys; by default all."""
    page = show(browser, client, text)
    chosen = re.findall(r'name="chosen"\s+value="([^"]+)"\s+checked', page.content.decode())
    ticked = {"allow_method": "yes"} if 'name="allow_method"' in page.content.decode() else {}
    entries = {"public_key": text, "seen": seen_in(page), "chosen": chosen, "add": "yes", "name": "", "key_expiry": "", **ticked, **fields}
    return browser.post(page_of(client), {name: value for name, value in entries.items() if value is not None})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ec.generate_private_key(ec.SECP256R1()), "ES256, P-256"),
        (lambda: rsa.generate_private_key(65537, 2048), "any RSA algorithm, RSA 2,048 bits"),
        (ed25519.Ed25519PrivateKey.generate, "EdDSA, Ed25519"),
    ],
    ids=["EC", "RSA", "Ed25519"],
)
def test_what_was_pasted_is_shown_and_nothing_is_saved(danas, client_, make, said):
    key = make()
    page = show(danas, client_, pem_of(key))
    assert f"1 public key read {read_key(key.public_key()).kid} {said}, not used elsewhere" in text_of(page)
    assert "BEGIN PUBLIC KEY" in page.content.decode()
    assert not ClientPublicKey.objects.exists()


def test_the_script_gets_what_was_read_alone(danas, client_, key):
    part = danas.post(page_of(client_), {"public_key": pem_of(key)}, headers={"HX-Request": "true"})
    assert "<h1" not in part.content.decode()
    assert "1 public key read" in text_of(part)
    assert part["Cache-Control"] == "no-store"
    part = danas.post(page_of(client_), {"public_key": "nonsense"}, headers={"HX-Request": "true"})
    assert "This isn’t a PEM public key" in text_of(part)


def test_the_second_step_adds_it_with_the_method_that_the_client_lacks(danas, dana, client_, key):
    answer = add(danas, client_, pem_of(key), name="Laptop", key_expiry="90d")
    assert answer["Location"] == url(client_)
    row = client_.public_keys.get()
    assert (row.name, row.expires_at - row.created_at) == ("Laptop", timedelta(days=90))
    client_.refresh_from_db()
    assert client_.auth_methods == ["client_secret_basic", "client_secret_post", "private_key_jwt"]
    events = AuditEvent.objects.filter(actor=dana.audit_name, event__in=["client.changed", "public_key.added"]).order_by("pk")
    assert [event.event for event in events] == ["client.changed", "public_key.added"]
    assert f"Public key {row.kid} added." in text_of(danas.get(answer["Location"]))


def test_a_certificate_is_read_as_its_key_which_ends_with_it_or_earlier(danas, client_, now):
    ends = now.replace(microsecond=0) + timedelta(days=300)
    text = certificate_pem(self_signed(ends=ends).certificate)
    assert "ES256, P-256, not used elsewhere. It expires with its certificate: " in text_of(show(danas, client_, text))
    add(danas, client_, text, key_expiry="365d")
    assert client_.public_keys.get().expires_at == ends
    add(danas, client_, certificate_pem(self_signed().certificate), key_expiry="30d")
    row = client_.public_keys.latest("pk")
    assert row.expires_at - row.created_at < timedelta(days=30, seconds=1)
    text = certificate_pem(self_signed(begins=now - timedelta(days=9), ends=now - timedelta(days=2)).certificate)
    assert "Its certificate expired" in text_of(add(danas, client_, text))
    assert client_.public_keys.count() == 2


def test_somebody_who_doesnt_want_the_method_leaves_it_out_and_a_client_that_has_it_is_offered_nothing(danas, client_, key):
    add(danas, client_, pem_of(key), allow_method=None)
    client_.refresh_from_db()
    assert client_.public_keys.count() == 1
    assert "private_key_jwt" not in client_.auth_methods
    Client.objects.filter(pk=client_.pk).update(auth_methods=["private_key_jwt"])
    assert "from now on" not in text_of(show(danas, client_, jwk_set("second")))
    assert add(danas, client_, jwk_set("second")).status_code == 302
    assert not AuditEvent.objects.filter(event="client.changed").exists()


def test_a_method_that_the_workspace_forbids_is_said_and_the_key_is_added_all_the_same(danas, client_, key, now):
    change_workspace(workspace=client_.workspace, allowed_auth_methods=["client_secret_basic", "client_secret_post"], actor=factories.TESTS, now=now)
    assert "Demo doesn’t allow private_key_jwt, so billing-sync can’t sign in with it." in text_of(show(danas, client_, pem_of(key)))
    add(danas, client_, pem_of(key))
    client_.refresh_from_db()
    assert client_.public_keys.count() == 1
    assert "private_key_jwt" not in client_.auth_methods


def test_of_a_set_one_chooses_which_keys(danas, client_):
    """What was unticked stays so while the page is drawn again."""
    text = jwk_set("first", "second", "third")
    page = show(danas, client_, text)
    assert "3 public keys read" in text_of(page)
    again = show(danas, client_, text, seen=seen_in(page), chosen=["second"]).content.decode()
    assert re.findall(r'value="(\w+)"\s+checked', again) == ["second"]
    answer = danas.post(page_of(client_), {"public_key": text, "seen": seen_in(page), "chosen": ["first", "third"], "add": "yes"}, follow=True)
    assert set(client_.public_keys.values_list("kid", flat=True)) == {"first", "third"}
    assert "Public keys first, third added." in text_of(answer)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"chosen": []}, "Select at least one public key."),
        ({"public_key": jwk_set("first")}, "This has changed since it was shown."),
        ({"public_key": ""}, "Paste the public key, or choose its file."),
        *(({field: wrong}, "Nothing was added.") for field, wrong in (("name", "x" * 101), ("name", "a\u202eb"), ("key_expiry", "7d"))),
    ],
    ids=["nothing ticked", "changed", "nothing pasted", "long name", "invisible", "expiry"],
)
def test_what_makes_no_sense_or_has_changed_since_it_was_shown_adds_nothing(danas, client_, fields, said):
    text = text_of(add(danas, client_, jwk_set("first"), **fields))
    assert said in text
    assert "Nothing was added." in text or "since it was shown" in text
    assert not ClientPublicKey.objects.exists()


def test_without_a_script_a_file_is_read_and_stands_in_the_field_for_the_second_step(danas, client_, key):
    page = danas.post(page_of(client_), {"public_key": "", "public_key_file": SimpleUploadedFile("public.pem", pem_of(key).encode())})
    assert "1 public key read" in text_of(page)
    assert "BEGIN PUBLIC KEY" in page.content.decode()


def test_a_key_that_the_client_has_or_had_is_said_and_can_not_be_ticked(danas, client_, key, now):
    add(danas, client_, pem_of(key))
    kid = client_.public_keys.get().kid
    page = show(danas, client_, pem_of(key))
    assert f"This client already has it, as {kid}." in text_of(page)
    assert "None of this can be added." in text_of(add(danas, client_, pem_of(key)))
    revoke_public_key(client=client_, kid=kid, actor=factories.TESTS, now=now)
    assert f"It was revoked as {kid} today" in text_of(show(danas, client_, pem_of(key)))
    assert f"This client has, or had, another key with the kid {kid}." in text_of(show(danas, client_, jwk_set(kid)))


def test_a_private_key_is_refused_and_not_shown_again_and_its_uses_are_linked(danas, client_, key):
    assert "It is in use here." not in text_of(show(danas, client_, private_pem_of(key)))
    add(danas, client_, pem_of(key))
    kid = client_.public_keys.get().kid
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for sent in (
        {"public_key": private_pem_of(key)},
        {"public_key": "", "public_key_file": SimpleUploadedFile("private", private_pem_of(key).encode())},
        {"public_key": "", "public_key_file": SimpleUploadedFile("private", der)},
    ):
        page = danas.post(page_of(client_), sent)
        text = text_of(page)
        assert "That is a private key. It wasn’t stored. Treat it as leaked, make a new key pair, and paste only the public key." in text
        assert f"It is in use here. Anybody who has seen it can sign in with it until you revoke it. Revoke public key {kid} of billing-sync" in text
        assert url(client_, "keys", kid, "revoke") in page.content.decode()
        assert "PRIVATE KEY" not in page.content.decode()
        assert private_pem_of(key).split("\n")[1] not in page.content.decode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "This isn’t a PEM public key, a certificate"),
        ("x" * 70_000, "longer than 64 KiB"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "A certificate in the file is damaged or cut off."),
        ('{"kty":"oct","k":"AAAA"}', "That is a private key."),
        ("\u202e<script>alert(1)</script>", "This isn’t a PEM public key"),
    ],
    ids=["nonsense", "long", "certificate", "shared secret", "markup"],
)
def test_the_page_says_that_text_isnt_a_public_key(danas, client_, text, said):
    page = show(danas, client_, text)
    assert said in text_of(page)
    assert "<script>alert" not in page.content.decode()
    assert "<title>Error: " in page.content.decode()


@pytest.mark.parametrize("content", [b"\x00\x01\x02", b"\xff\xfe\xfa", b"a\x00b"])
def test_a_binary_file_is_said_so(danas, client_, content):
    page = danas.post(page_of(client_), {"public_key": "", "public_key_file": SimpleUploadedFile("x", content)})
    assert "That file is binary." in text_of(page)


def test_more_keys_than_the_limit_are_refused_with_the_words_of_the_service(danas, client_, key, monkeypatch):
    monkeypatch.setattr("clients.services.credential_limits.MAX_USABLE", 0)
    assert "The client has 0 usable public keys. Revoke one" in text_of(add(danas, client_, pem_of(key)))
    client_.refresh_from_db()
    assert "private_key_jwt" not in client_.auth_methods


def test_somebody_who_signed_in_long_ago_proves_first_who_they_are_and_the_key_is_added_then(dana, client_, key):
    browser = Browser(raise_request_exception=False)
    browser.force_login(dana)
    answer = add(browser, client_, pem_of(key))
    assert answer["Location"].startswith("/accounts/confirm/?next=")
    assert not ClientPublicKey.objects.exists()
    assert browser.post(answer["Location"], {"password": factories.PASSWORD})["Location"] == url(client_)
    assert client_.public_keys.count() == 1
