"""A client with a secret in use, what it gets at the token endpoint, and somebody who looks up what leaked."""

import base64
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from clients.services import usage
from tests import factories
from tests.dashboard.conftest import Browser

URL = "/w/demo/leak/"
STOP = "/w/demo/leak/stop/"


def ask_for_token(new, *, address="203.0.113.61"):
    """The token endpoint's response to a client with its ID and secret."""
    pair = base64.b64encode(f"{new.secret.client.client_id}:{new.plaintext}".encode()).decode()
    answer = Browser().post(
        "/oauth2/token",
        "grant_type=client_credentials",
        content_type="application/x-www-form-urlencoded",
        headers={"Authorization": f"Basic {pair}"},
        REMOTE_ADDR=address,
    )
    usage.flush()
    return answer


def look_up(browser, text="", *, file=None):
    files = {"leaked_secret_file": SimpleUploadedFile("app.log", file)} if file is not None else {}
    return browser.post(URL, {"leaked_secret": text, **files})


def end(secret, *, ago):
    secret.created_at, secret.expires_at = timezone.now() - timedelta(days=30), timezone.now() - ago
    secret.save(update_fields=["created_at", "expires_at"])


@pytest.fixture
def billing(demo):
    """.secret and .plaintext of billing-sync. It may ask for tokens."""
    factories.create_signing_key()
    return factories.create_client(demo, contact="payments@example.com")


@pytest.fixture
def strange(other):
    """A secret of another workspace."""
    return SimpleNamespace(new=factories.create_client(other, name="elsewhere"))
