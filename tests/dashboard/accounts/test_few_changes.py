"""Anything that people can repeat fills neither the audit log, which keeps everything, nor a stranger's mailbox."""

import time

import pytest

from clients.models import AuditEvent
from dashboard.frame import spent_forms
from dashboard.people import quotas
from oauth.models import FailureCount
from tests import factories
from tests.dashboard.accounts.conftest import add_passkey, last_event, prove
from tests.dashboard.accounts.security_key import SecurityKey
from tests.dashboard.accounts.test_passkey_origin import register, sign_in_by
from tests.dashboard.conftest import Browser, text_of
from tests.dashboard.conftest import sign_in as as_person

PROFILE, CHANGE, DISPLAY = "/accounts/profile/", "/accounts/profile/email/", "/accounts/display/"
STRANGER = "stranger@elsewhere.example"


def assert_refused(response, said):
    assert response.status_code == 429
    assert 3500 < int(response["Retry-After"]) <= 3600
    assert f"{said} Wait 60 min and try again." in text_of(response)


def test_display_settings_write_no_event(here, ada):
    for _ in range(2):
        here.post(DISPLAY)
        here.post(DISPLAY, {"has_single_keys": "on"})
    assert last_event("user.display_changed") is None


@pytest.fixture
def _few(monkeypatch):
    monkeypatch.setattr(quotas, "MAX_CHANGES", 3)


@pytest.mark.usefixtures("_few")
class TestNames:
    def test_of_oneself_which_keep_nobody_else_from_it_and_no_second_factor_there(self, here, ada, eve):
        """A name needs no proof: somebody at an open session could otherwise protect a factor that they added."""
        passkey = prove(here, add_passkey(ada))
        assert [here.post(PROFILE, {"name": name}).status_code for name in "ABA"] == [302] * 3
        assert_refused(here.post(PROFILE, {"name": "B"}), "Too many changes.")
        ada.refresh_from_db()
        assert ada.name == "A"
        assert AuditEvent.objects.filter(event="user.renamed").count() == 3
        assert here.post(f"/accounts/security/passkeys/{passkey.pk}/remove/").status_code == 302
        assert as_person(eve).post(PROFILE, {"name": "Eve"}).status_code == 302

    def test_of_a_passkey(self, here, ada):
        page = f"/accounts/security/passkeys/{prove(here, add_passkey(ada)).pk}/rename/"
        assert [here.post(page, {"name": name}).status_code for name in "ABA"] == [302] * 3
        assert_refused(here.post(page, {"name": "B"}), "Too many changes.")


class TestMailToAnAddressOfOnesChoice:
    @pytest.fixture(autouse=True)
    def _few_mails(self, monkeypatch):
        monkeypatch.setattr(quotas, "MAX_MAILS_TO_ONE", 2)

    def test_few_within_an_hour_by_one_person_which_keep_nobody_else_from_it(self, here, eves, demo, mailbox):
        """Nor does a response reveal that somebody else had mail sent there."""
        for _ in range(3):
            refused = eves.post(CHANGE, {"email": STRANGER})
        assert_refused(refused, "Too many emails to that address.")
        page = f"/w/demo/clients/{factories.create_client(demo).secret.client.client_id}/hand-over/"
        assert make_link(here, page, sends="on").status_code == 200
        assert here.post(CHANGE, {"email": STRANGER}).status_code == 302
        assert_refused(here.post(CHANGE, {"email": f" {STRANGER.upper()}"}), "Too many emails to that address.")
        assert len(mailbox(STRANGER)) == 4
        assert AuditEvent.objects.filter(event="user.email_change_requested").count() == 3
        assert here.post(CHANGE, {"email": "ada@new.example"}).status_code == 302
        FailureCount.objects.update(window_ends=int(time.time()))
        assert here.post(CHANGE, {"email": STRANGER}).status_code == 302

    def test_and_many_more_by_all_people_together(self, here, eves, monkeypatch):
        monkeypatch.setattr(quotas, "MAX_MAILS_TO_ONE", 3)
        monkeypatch.setattr(quotas, "MAX_MAILS_TO_ONE_BY_ALL", 4)
        assert [eves.post(CHANGE, {"email": STRANGER}).status_code for _ in range(6)] == [302, 302, 302, 429, 429, 429]
        assert [here.post(CHANGE, {"email": STRANGER}).status_code for _ in range(2)] == [302, 429]

    def test_a_hand_over_link_is_a_mail_too(self, here, demo, mailbox, monkeypatch):
        monkeypatch.setattr(quotas, "MAX_MAILS_TO_ONE", 2)
        page = f"/w/demo/clients/{factories.create_client(demo).secret.client.client_id}/hand-over/"
        assert here.post(CHANGE, {"email": STRANGER}).status_code == 302
        assert make_link(here, page, sends="on").status_code == 200
        assert_refused(make_link(here, page, sends="on"), "Too many emails to that address.")
        assert len(mailbox(STRANGER)) == 2
        # Without a mail it is made all the same.
        assert make_link(here, page).status_code == 200
        assert AuditEvent.objects.filter(event="hand_over.created").count() == 2


def make_link(browser, page, **fields):
    return browser.post(page, {"once": spent_forms.new_token(), "recipient": STRANGER, "lifetime": "24h", "secret_expiry": "90d", **fields})


@pytest.mark.long
def test_signing_in_by_a_passkey_which_takes_no_time_and_is_an_event_each(here, ada, monkeypatch):
    key = SecurityKey()
    register(here, key)
    monkeypatch.setattr(quotas, "MAX_PROOFS", 2)
    assert [sign_in_by(Browser(), key, ada).status_code for _ in range(2)] == [302, 302]
    assert_refused(sign_in_by(Browser(), key, ada), "Too many confirmations.")
    assert AuditEvent.objects.filter(event="user.signed_in", after__method="passkey").count() == 2
