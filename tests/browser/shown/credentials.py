"""Secrets, public keys and certificates of a client."""

import json
from datetime import UTC, datetime

from playwright.sync_api import Page

from tests.browser.shown import Shown
from tests.certificates import pem, self_signed
from tests.public_keys import jwk

_CLIENT = "/w/kestrel/clients/{client}"


def _choose(label: str):
    def act(page: Page) -> None:
        page.get_by_text(label, exact=True).click()
        page.locator("#plan[aria-busy]").wait_for(state="detached")
        page.wait_for_timeout(500)

    return act


def _choose_a_day_that_has_passed(page: Page) -> None:
    page.get_by_text("Date", exact=True).click()
    page.locator("[type=datetime-local]").fill("2020-01-01T12:00")
    page.get_by_role("button", name="Rotate and show new secret").click()
    page.get_by_role("alert").wait_for()


def _rotate(page: Page) -> None:
    page.get_by_role("button", name="Rotate and show new secret").click()
    page.get_by_role("heading", name="Save the secret now").wait_for()
    # Or the next page that is opened in this browser asks whether to leave.
    page.get_by_label("I have saved the secret").check()


def _type_wrong(page: Page) -> None:
    page.get_by_label("Type", exact=False).fill("Kp4zR1uw")
    page.evaluate("document.getElementById('go').removeAttribute('aria-disabled')")
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("alert").wait_for()


def _paste_keys(page: Page) -> None:
    keys = {"keys": [jwk(kind, kid=kid) for kind, kid in (("P-256", "k-2026"), ("Ed25519", "k-2027"), ("RSA-2048", "legacy"))]}
    page.get_by_label("Public key", exact=True).fill(json.dumps(keys, indent=1))
    page.get_by_text("3 public keys read").wait_for()


def _paste_nonsense(page: Page) -> None:
    page.get_by_label("Public key", exact=True).fill("ssh-ed25519 AAAA")
    page.get_by_text("This isn’t a PEM public key").wait_for()


def _paste_certificate(page: Page) -> None:
    certificate = self_signed("billing-sync", begins=datetime(2026, 1, 12, tzinfo=UTC), ends=datetime(2029, 11, 30, tzinfo=UTC)).certificate
    page.get_by_label("Certificate", exact=True).fill(pem(certificate))
    page.get_by_text("1 certificate read").wait_for()


PAGES = [
    Shown("rotate", _CLIENT + "/rotate/", "Rotate the secret of billing-sync", picture="rotate"),
    Shown("rotate", _CLIENT + "/rotate/", "Rotate the secret of billing-sync", act=_choose("End old secrets now"), picture="rotate-at-once"),
    Shown("rotate", _CLIENT + "/rotate/", "Error: Rotate the secret of billing-sync", act=_choose_a_day_that_has_passed, picture="rotate-errors"),
    Shown("rotate", "/w/kestrel/clients/{strange_client}/rotate/", "New secret for", act=_rotate, picture="rotated"),
    Shown("rotate", _CLIENT + "/rotate/", "Clients", "ben", status=403),
    Shown("secret_new", _CLIENT + "/secrets/new/", "Make a secret for billing-sync", picture="secret-new"),
    Shown("secret_extend", _CLIENT + "/secrets/{secret}/extend/", "Extend", picture="secret-extend"),
    Shown("secret_end", _CLIENT + "/secrets/{secret}/end/", "End", picture="secret-end"),
    Shown("secret_revoke", _CLIENT + "/secrets/{secret}/revoke/", "Revoke", picture="secret-revoke"),
    Shown("secret_revoke", _CLIENT + "/secrets/{secret}/revoke/", "Error: Revoke", act=_type_wrong, picture="secret-revoke-errors"),
    Shown("key_new", "/w/kestrel/clients/{client}/keys/new/", "Add public key to billing-sync", act=_paste_keys, picture="key-new"),
    Shown("key_new", "/w/kestrel/clients/{client}/keys/new/", "Add public key to billing-sync", act=_paste_nonsense),
    Shown("key_revoke", "/w/kestrel/clients/{key_client}/keys/{kid}/revoke/", "Revoke k-3f9c", picture="key-revoke"),
    Shown("certificate_new", _CLIENT + "/certificates/new/", "Add certificate to billing-sync", act=_paste_certificate, picture="certificate-new"),
    Shown("certificate_revoke", "/w/kestrel/clients/{certificate_client}/certificates/{thumbprint}/revoke/", "Revoke certificate"),
]
# Routes that have no page of their own.
WITHOUT_PAGE: set[str] = set()
