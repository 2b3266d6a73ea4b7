"""What every refusal has in common: nobody is signed in, nothing but the refusal is written, and neither page nor log has a token or code."""

import logging
import re

import pytest
from allauth.socialaccount.models import SocialAccount

from tests.dashboard.sso.conftest import events, heading, user_of

DOWN = "Signing in with Okta doesn’t work right now"
STALE = "This sign-in can’t continue"


@pytest.fixture
def linked(ada, demo, okta):
    """Ada's account is connected, so a valid response would sign her in."""
    return SocialAccount.objects.create(user=ada, provider=okta.issuer, uid="00u1ada")


@pytest.fixture
def log(caplog):
    """The last line of the operator's log. At the end, no line has a secret."""
    caplog.set_level(logging.INFO)
    lines = []
    told = logging.Handler()
    told.emit = lambda record: lines.append((record.name, record.getMessage()))
    logging.getLogger().addHandler(told)
    yield lambda: [text for name, text in lines if name == "tokenos.sso"][-1]
    logging.getLogger().removeHandler(told)
    for name, text in lines:
        assert not (name.startswith(("tokenos", "django.request")) and any(secret in text for secret in ("access-token", "eyJ", "only for tests")))


def refused(browser, response, status, said, reason):
    assert (response.status_code, heading(response)) == (status, said)
    assert user_of(browser) is None
    # Anybody can come with a state that nobody gave out: there would be no end of such events.
    reasons = [event.after["reason"] for event in events("user.sign_in_failed")]
    assert reasons[-1:] == [reason] if reason != "unknown_state" else reason not in reasons
    assert not events("user.signed_in")
    assert "code-" not in response.content.decode()
    # A token, not three letters of something random.
    assert not re.search(r"eyJ[\w-]{20,}\.", response.content.decode())
    return True
