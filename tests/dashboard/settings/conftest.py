"""Browsers in which one of the cast is signed in: Ada owns demo, Dan administers it, Ben only views it, Eve belongs to another workspace."""

import re
from html import unescape

import pytest

from clients.models import AuditEvent
from dashboard.models import Membership
from tests import factories
from tests.dashboard.conftest import Browser

SETTINGS = "/w/demo/settings/"
ALL_METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"]


def sign_in(user):
    """With the password, so that no act asks for it again."""
    browser = Browser(raise_request_exception=False)
    assert browser.post("/accounts/sign-in/", {"login": user.email, "password": factories.PASSWORD}).status_code == 302
    return browser


@pytest.fixture
def adas(ada, demo):
    return sign_in(ada)


@pytest.fixture
def bens(ben, demo):
    return sign_in(ben)


@pytest.fixture
def eves(eve, other, demo):
    return sign_in(eve)


@pytest.fixture
def dan(demo):
    user = factories.create_user("dan@example.com")
    factories.add_member(demo, user, Membership.Role.ADMIN)
    return user


@pytest.fixture
def dans(dan):
    return sign_in(dan)


def text_of(page):
    """What a reader reads: without tags, white space as one space."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page.content.decode())).split())


def entries(browser, path=SETTINGS):
    """What a browser would send of the form for settings as it stands there."""
    page = browser.get(path)
    assert page.status_code == 200, text_of(page)
    form = page.context["form"]
    found = {}
    for bound in form:
        value = bound.value()
        if value not in (None, False, ""):
            found[bound.html_name] = value if isinstance(value, list) else "on" if value is True else str(value)
    return found


def changes(event="workspace.changed"):
    return [(row.before, row.after) for row in AuditEvent.objects.filter(event=event).exclude(actor="command:tests").order_by("pk")]
