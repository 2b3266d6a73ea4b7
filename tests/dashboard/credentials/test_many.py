"""A client with 40 secrets, all in use and with valid tokens: its pages need no more queries (design, section 11)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.dashboard.conftest import create_certificate, create_public_key
from tests.dashboard.credentials.conftest import give_tokens, url, use

MAX_QUERIES = 12
PAGES = [
    *("", "requests", "examples", "audit", "settings", "rotate", "secrets/new", "keys/new", "certificates/new", "disable", "enable", "delete", "hand-over"),
    *("secrets/{secret}/extend", "secrets/{secret}/end", "secrets/{secret}/revoke", "keys/{key}/revoke", "certificates/{certificate}/revoke"),
]


@pytest.fixture
def many(demo, now):
    methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "self_signed_tls_client_auth"]
    client = factories.create_client(demo, auth_methods=methods, now=now - timedelta(days=365)).secret.client
    credentials = [factories.create_secret(client, lifetime=timedelta(days=days)).secret for days in range(1, 41)]
    key, certificate = create_public_key(client), create_certificate(client)
    for number, credential in enumerate([*credentials, key, certificate]):
        use(credential, f"203.0.113.{number % 9}")
        give_tokens(credential, 2)
    return client, {"secret": credentials[0].secret_id, "key": key.kid, "certificate": certificate.thumbprint}


def queries_of(browser, path):
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(path).status_code == 200
    return [query["sql"] for query in captured]


@pytest.mark.long
def test_no_page_needs_more_than_twelve_queries(adas, many):
    client, names = many
    # A first visit asks more.
    adas.get(url(client))
    asked = {page: queries_of(adas, url(client, *page.format(**names).split("/")) if page else url(client)) for page in PAGES}
    assert {page: queries for page, queries in asked.items() if len(queries) > MAX_QUERIES} == {}
