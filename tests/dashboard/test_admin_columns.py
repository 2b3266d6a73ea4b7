"""What the lists show, and how."""

import re
from datetime import UTC, datetime

import pytest

from clients.models import ClientPublicKey, RecordedRequest
from oauth.models import SigningKey
from tests import factories
from tests.dashboard.conftest import create_public_key
from tests.dashboard.test_admin import list_url

NOW = datetime(2026, 11, 24, 22, 28, 33, tzinfo=UTC)


@pytest.fixture
def show(admin):
    return lambda model: admin.get(list_url(model)).content.decode()


def test_requests_begin_with_when_why_and_whose(show, billing):
    RecordedRequest.objects.create(endpoint="token", status=401, error="invalid_client", reason="wrong_secret", created_at=NOW, request_id="1" * 32)
    headings = re.findall(r'<th scope="col" class="[^"]*column-(\w+)', show(RecordedRequest))
    assert headings[:6] == ["created_at", "reason", "client", "status", "endpoint", "request_id"]


def test_times_have_seconds_and_their_zone_as_in_our_sentences(show, db):
    RecordedRequest.objects.create(endpoint="token", status=401, error="invalid_client", reason="wrong_secret", created_at=NOW, request_id="1" * 32)
    assert "24 Nov 2026 22:28:33 UTC" in show(RecordedRequest)


def test_algorithms_are_spelt_as_in_jose(show, db):
    factories.create_signing_key()
    page = show(SigningKey)
    assert "ES256" in page
    assert not re.search("Es256|Rs256|Eddsa", page)


def test_an_rsa_key_that_names_no_algorithm_may_use_any(show, admin, billing):
    key = create_public_key(billing.secret.client)
    assert "any RSA" not in show(ClientPublicKey)
    ClientPublicKey.objects.update(algorithm="")
    assert '<td class="field-shown_algorithm">any RSA</td>' in show(ClientPublicKey)
    page = admin.get(f"{list_url(ClientPublicKey)}{key.pk}/change/").content.decode()
    assert page.count("any RSA") == 1
