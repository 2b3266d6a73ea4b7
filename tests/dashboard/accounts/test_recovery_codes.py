"""Recovery codes: the way back in without phone or key."""

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from threading import current_thread

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from clients import secret
from clients.models import AuditEvent
from clients.secret import HashingBusyError
from dashboard.people import quotas, recovery_codes, second_factors
from tests import factories
from tests.dashboard.accounts.conftest import App, add_passkey, last_event, prove, sign_in
from tests.dashboard.conftest import Browser, text_of

CODE, NEW = "/accounts/sign-in/code/", "/accounts/security/recovery-codes/new/"

# As django-allauth made them.
SEED = "0f" * 40
CODES_OF_SEED = ["56444510", "14918153", "00650082", "94172370", "68715415", "78463947", "41401608", "87701960", "98837806", "80227481"]


def enter(ada, code):
    browser = Browser(raise_request_exception=False)
    sign_in(browser, ada)
    return browser, browser.post(CODE, {"code": code})


def test_one_lets_in_once_and_says_how_many_are_left_and_the_account_keeps_no_hash_of_it(ada, ben, app, mailbox):
    """Spaces and capitals do no harm. One of another account is a wrong one."""
    hashes = Authenticator.objects.get(type="recovery_codes").data["hashes"]
    assert len({hashed for hashed in hashes if hashed.startswith("$argon2id$")}) == 10
    code = app.recovery_codes[3]
    browser, response = enter(ada, f" {code.replace('-', ' ').upper()} ")
    assert response["Location"] == "/"
    assert "You have 9 of 10 recovery codes left." in browser.get("/accounts/security/").content.decode()
    assert "A recovery code of your account was used" in mailbox.subjects(ada.email)
    assert last_event("user.recovery_code_used").after == {"left": 9}
    assert last_event("user.signed_in").after == {"method": "password and recovery code"}
    assert Authenticator.objects.get(type="recovery_codes").data["hashes"] == [*hashes[:3], None, *hashes[4:]]
    assert enter(ada, code)[1].status_code == 200
    assert enter(ada, App(ben).recovery_codes[0])[1].status_code == 200


def test_new_ones_end_the_old_ones_are_shown_once_and_are_nowhere_in_clear_text(here, ada, app, mailbox):
    prove(here, app.factor)
    assert "stop working at once" in here.get(NEW).content.decode()
    text = here.post(NEW).content.decode()
    new = text.split('<code id="recovery-codes">')[1].split("</code>")[0].split()
    assert len(set(new)) == 10
    assert new[0] in text.split('href="data:text/plain;charset=utf-8,')[1].split('"')[0]
    assert mailbox.subjects(ada.email) == ["New recovery codes were made for your account"]
    kept = f"{list(Authenticator.objects.values_list('data', flat=True))} {last_event('user.recovery_codes_made').after}"
    assert not any(code in kept for code in new)
    assert enter(ada, app.recovery_codes[0])[1].status_code == 200
    assert enter(ada, new[0])[1].status_code == 302
    assert new[1] not in here.get("/accounts/security/").content.decode()


def test_their_hashes_wait_for_their_turn_as_those_of_passwords_do(monkeypatch):
    """Otherwise ten hashes would hold up everybody's pages and tokens."""
    monkeypatch.setattr(recovery_codes, "hash_secret", lambda _code: current_thread().name)
    assert {name.partition("_")[0] for name in recovery_codes.make()[1]["hashes"]} == {"hashing"}


def test_nobody_changes_second_factors_without_end(here, ada, app, mailbox, monkeypatch):
    """Each change is a permanent event and a mail, and each set of recovery codes is ten hashes."""
    prove(here, app.factor)
    passkey = prove(here, add_passkey(ada))
    # The fixture made codes once.
    monkeypatch.setattr(quotas, "MAX_CHANGES", 2)
    assert "Save" in text_of(here.post(NEW))
    mailbox.clear()
    before = AuditEvent.objects.count()
    for path in (NEW, f"/accounts/security/passkeys/{passkey.pk}/remove/", "/accounts/security/codes/off/"):
        assert "Too many changes. Wait 60 min and try again." in text_of(here.post(path)), path
    for change in (second_factors.add_passkey, second_factors.turn_on_one_time_codes):
        given = {"name": "x", "credential": {}} if change is second_factors.add_passkey else {"secret": app.secret, "code": app.code}
        with pytest.raises(ValidationError, match="Too many changes"):
            change(user=ada, actor=factories.TESTS, now=timezone.now(), **given)
    assert AuditEvent.objects.count() == before
    assert mailbox() == []


def test_without_a_strong_factor_there_are_no_recovery_codes(here):
    text = here.post(NEW).content.decode()
    assert "Add a passkey or turn on one-time codes first." in text
    assert "<title>Error: " in text
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("code", ["99999999", "9" * 32, "8 8", "2abc-defg-hjkm", "zabc-defg-hjkm", "2abc-defg-hjk"])
def test_a_wrong_one_is_refused_as_any_code(ada, app, code):
    assert "That code is wrong or has been used." in enter(ada, code)[1].content.decode()


@pytest.mark.django_db(transaction=True)
def test_one_that_is_entered_twice_at_once_lets_in_once(ada, app):
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda _: use(ada, app.recovery_codes[0]), range(2)))
    assert sorted(factor is not None for factor in found) == [False, True]


def use(user, code):
    try:
        return second_factors.use_code(user=user, code=code, actor=factories.TESTS, now=timezone.now())
    except HashingBusyError:
        return None
    finally:
        connection.close()


@pytest.mark.long
def test_while_another_is_looked_at_one_is_asked_to_come_back(ada, app):
    with secret._hashing:
        assert "Too many codes are being checked." in enter(ada, app.recovery_codes[0])[1].content.decode()
    assert enter(ada, app.recovery_codes[0])[1].status_code == 302


@pytest.fixture
def from_before(ada, app):
    """Ada's recovery codes in the old format, the first of them used; then the upgrade. Returns the codes."""
    row = Authenticator.objects.get(type="recovery_codes")
    row.data = {"seed": get_adapter().encrypt(SEED), "used_mask": 1}
    row.save()
    import_module("dashboard.migrations.0006_recovery_codes_hashed").hash_codes(apps, None)
    return CODES_OF_SEED


def test_those_from_before_work_on_and_are_hashed(ada, from_before):
    data = Authenticator.objects.get(type="recovery_codes").data
    assert data.keys() == {"hashes", "are_old"}
    assert enter(ada, from_before[0])[1].status_code == 200
    assert enter(ada, f"{from_before[4][:4]} {from_before[4][4:]}")[1].status_code == 302
    assert enter(ada, from_before[4])[1].status_code == 200
    assert recovery_codes.count_left(Authenticator.objects.get(type="recovery_codes").data) == 8


def test_those_whose_key_is_gone_are_used_up(ada, app):
    row = Authenticator.objects.get(type="recovery_codes")
    row.data = {"seed": "00000000:00", "used_mask": 0}
    row.save()
    import_module("dashboard.migrations.0006_recovery_codes_hashed").hash_codes(apps, None)
    assert recovery_codes.count_left(Authenticator.objects.get(type="recovery_codes").data) == 0
