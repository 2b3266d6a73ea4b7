"""RFC 6797: callers of the issuer's own host over HTTPS are told to use only HTTPS, on pages and in protocol responses, through both doors."""

import pytest
from django.test import Client

JWKS = "/.well-known/jwks.json"
NAME = "strict-transport-security"
YEAR = "max-age=31536000"


@pytest.fixture
def issuer(settings):
    settings.ALLOWED_HOSTS = ["tokens.example.com", "localhost", "127.0.0.1", "a.localhost", "192.0.2.1", "[2001:db8::1]", "other.example.com"]

    def set_issuer(url: str) -> None:
        settings.ISSUER_URL = url

    set_issuer("https://tokens.example.com")
    return set_issuer


def said_by_page(host, *, secure=True):
    return Client(headers={"host": host}).get("/", secure=secure).get(NAME)


@pytest.mark.rfc("6797", "7.1")
@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://tokens.example.com", "tokens.example.com"),
        ("https://tokens.example.com", "tokens.example.com:443"),
        ("https://tokens.example.com:8443", "tokens.example.com:8443"),
        ("https://tokens.example.com/auth", "tokens.example.com"),
    ],
)
def test_the_issuers_host_is_for_https_only(send, issuer, db, url, host):
    issuer(url)
    assert said_by_page(host) == YEAR
    assert send("GET", JWKS, headers={"host": host}).headers[NAME] == YEAR


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://localhost:8443", "localhost:8443"),
        ("https://a.localhost", "a.localhost"),
        ("https://192.0.2.1", "192.0.2.1"),
        ("https://[2001:db8::1]", "[2001:db8::1]"),
        ("https://tokens.example.com", "localhost"),
        ("https://tokens.example.com", "other.example.com"),
    ],
)
def test_no_name_is_that_others_use_on_other_ports(send, issuer, db, url, host):
    issuer(url)
    assert said_by_page(host) is None
    assert NAME not in send("GET", JWKS, headers={"host": host}).headers


@pytest.mark.rfc("6797", "7.2")
def test_plain_http_says_nothing(send, issuer, db):
    assert said_by_page("tokens.example.com", secure=False) is None
    assert NAME not in send("GET", JWKS, headers={"host": "tokens.example.com"}, secure=False).headers
