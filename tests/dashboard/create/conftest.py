"""A form that makes a client, as a browser without script sends it."""

import re

import pytest

from dashboard.models import Membership
from tests import factories
from tests.dashboard.conftest import sign_in

NEW = "/w/demo/clients/new/"
SECRET = re.compile(r"tos_(?:live|test)_[0-9A-Za-z]{10}_[0-9A-Za-z]{39}")


def entries(browser, **changes):
    """What an untouched form sends, named refunds-worker, with some of it changed; None leaves a field out."""
    html = browser.get(NEW).content.decode()
    sent = {
        "once": re.search(r'name="once" value="([^"]+)"', html)[1],
        "name": "refunds-worker",
        "contact": "payments@example.com",
        "environment": "live",
        "method": "secret",
        "accepts": ["client_secret_basic", "client_secret_post"],
        "certificate_by": "certificate",
        "secret_expiry": "365d",
        "token_lifetime": "3600",
        **changes,
    }
    return {name: value for name, value in sent.items() if value is not None}


def secrets_in(page):
    """Complete ones that a reader sees, each once."""
    return set(SECRET.findall(re.sub(r"<[^>]*>", "", page.content.decode())))


def make_stale(browser):
    """Let the last proof of who it is be an hour old."""
    session = browser.session
    session["account_authentication_methods"] = [{**method, "at": method["at"] - 3600} for method in session["account_authentication_methods"]]
    session.save()


@pytest.fixture
def dana(demo):
    user = factories.create_user("dana@example.com")
    factories.add_member(demo, user, Membership.Role.DEVELOPER)
    return user


@pytest.fixture
def danas(dana):
    """A developer."""
    return sign_in(dana)
