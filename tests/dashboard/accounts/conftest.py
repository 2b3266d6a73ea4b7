"""Ada in a browser, signed in as people sign in; codes of an authenticator app; and the mail that reached somebody."""

import re
import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail as django_mail
from django.utils import timezone

from clients.models import AuditEvent
from dashboard import mail
from dashboard.people import second_factors
from oauth.models import UsedJWT
from tests import factories
from tests.dashboard.conftest import Browser

SIGN_IN = "/accounts/sign-in/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def sign_in(browser, user, password=factories.PASSWORD):
    return browser.post(SIGN_IN, {"login": user.email, "password": password}, headers={"user-agent": FIREFOX})


def app_code(secret, *, steps=0):
    """What an authenticator app shows, steps of 30 s from now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def last_event(event):
    return AuditEvent.objects.filter(event=event).order_by("pk").last()


def age_confirmation(browser):
    """As if the last proof were 11 minutes old."""
    session = browser.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 660
    session.save()


class Mailbox:
    def __call__(self, address=None):
        """Every mail that was sent, or those to address."""
        mail.wait_until_sent()
        return [message for message in django_mail.outbox if address is None or message.to == [address]]

    def subjects(self, address=None):
        return [message.subject for message in self(address)]

    def link(self, address):
        """The path of the one link of ours that the newest mail to address is about."""
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
    """Another browser of hers."""
    browser = Browser(raise_request_exception=False)
    assert sign_in(browser, ada).status_code == 302
    return browser


class App:
    """An authenticator app that holds the secret of an account, whose one-time codes are on."""

    def __init__(self, user):
        self.secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
        self.recovery_codes = second_factors.turn_on_one_time_codes(
            user=user, secret=self.secret, code=app_code(self.secret), actor=factories.TESTS, now=timezone.now()
        )
        # The test goes on at once, where a person would wait for the next code.
        UsedJWT.objects.all().delete()

    @property
    def code(self):
        return app_code(self.secret)


@pytest.fixture
def app(ada):
    return App(ada)


def add_passkey(user, name="Laptop"):
    """A row as a browser's registration leaves it. No browser is here to use it: tests/browser does."""
    return second_factors.add_passkey(user=user, name=name, credential={"id": name}, actor=factories.TESTS, now=timezone.now())[0]
