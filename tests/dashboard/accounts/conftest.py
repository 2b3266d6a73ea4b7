"""Ada in a browser, signed in as people sign in; codes of an authenticator app; and the mail that reached somebody."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail as django_mail
from django.utils import timezone

from clients.models import AuditEvent
from dashboard.instance import mail
from dashboard.people import one_time_codes, second_factors
from tests import factories
from tests.dashboard.conftest import Browser

SIGN_IN = "/accounts/sign-in/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def sign_in(browser, user, password=factories.PASSWORD):
    return browser.post(SIGN_IN, {"login": user.email, "password": password}, headers={"user-agent": FIREFOX})


def app_code(secret, *, steps=0):
    """What an authenticator app shows, steps of 30 s from now."""
    return one_time_codes.code_at(secret, int(time.time()) // 30 + steps)


def last_event(event):
    return AuditEvent.objects.filter(event=event).order_by("pk").last()


def age_confirmation(browser):
    """Make the last proof 11 minutes old."""
    session = browser.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 660
    session.save()


def prove(browser, factor):
    """Make the session look as if that factor had just been proved. Returns it."""
    session = browser.session
    session["account_authentication_methods"] += [{"method": "mfa", "id": factor.pk, "type": factor.type, "at": time.time()}]
    session.save()
    return factor


class Mailbox:
    def __call__(self, address=None):
        """Every mail that was sent, or those to address."""
        mail.wait_until_sent()
        return [message for message in django_mail.outbox if address is None or message.to == [address]]

    def subjects(self, address=None):
        return [message.subject for message in self(address)]

    def link(self, address):
        """The path of the one link in the newest mail to address."""
        return re.search(r"https://[^/\s]+(/accounts/\S+)", self(address)[-1].body)[1]

    def clear(self):
        mail.wait_until_sent()
        django_mail.outbox.clear()


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def here(browser, ada, mailbox):
    """Ada's browser, in which she has just signed in with her password."""
    assert sign_in(browser, ada).status_code == 302
    mailbox.clear()
    return browser


@pytest.fixture
def elsewhere(ada):
    """Another of Ada's browsers."""
    browser = Browser(raise_request_exception=False)
    assert sign_in(browser, ada).status_code == 302
    return browser


class App:
    """An authenticator app with the secret of an account whose one-time codes are on. Unlike the service that turns them on, it ends no sessions, so sessions
    with only the password remain.
    """

    def __init__(self, user):
        self.secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
        self.factor = factories.turn_on_one_time_codes(user, secret=self.secret)
        self.recovery_codes = second_factors.make_recovery_codes(user=user, actor=factories.TESTS, now=timezone.now()).recovery_codes

    @property
    def code(self):
        return app_code(self.secret)


@pytest.fixture
def app(ada):
    return App(ada)


def add_passkey(user, name="Laptop"):
    """A row as a browser's registration leaves it. tests/browser has a browser that can use it. It ends no sessions, like App."""
    passkey = Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={"name": name, "credential": {"id": name}})
    if not second_factors.of(user, Authenticator.Type.RECOVERY_CODES).exists():
        second_factors.make_recovery_codes(user=user, actor=factories.TESTS, now=timezone.now())
    return passkey
