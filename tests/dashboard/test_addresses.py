"""Pages are at the root of the issuer's host, even if ISSUER_URL has a path, and every mail and command says so."""

import pytest
from django.core import mail as outbox
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from dashboard.instance import environment, mail
from dashboard.people.notices import describe
from dashboard.workspaces.first_start import announce
from tests import factories

ISSUERS = ["https://example.com", "https://example.com/id/tokens"]


@pytest.mark.parametrize("issuer", ISSUERS)
def test_links_in_mail_lead_to_pages(settings, issuer):
    settings.ISSUER_URL = issuer
    mail.send("account_notice", ["ada@example.com"], describe("password_changed", now=timezone.now()))
    text = outbox.outbox[-1].body
    assert "https://example.com/accounts/" in text
    assert "/id/tokens" not in text


@pytest.mark.parametrize("issuer", ISSUERS)
def test_the_operator_is_told_where_pages_and_tokens_are(settings, db, now, issuer):
    settings.ISSUER_URL = issuer
    said = announce(actor=factories.TESTS, now=now)
    assert (said["url"], said["sign_in"]) == ("https://example.com", "https://example.com/accounts/sign-in/")


@pytest.mark.parametrize("path", ["", "/tokens", "/id/tokens", "/a-b/c.d/e_f~1"])
def test_an_issuer_may_have_a_path(monkeypatch, path):
    monkeypatch.setenv("ISSUER_URL", f"https://example.com{path}")
    assert environment.issuer("ISSUER_URL", default="") == f"https://example.com{path}"


@pytest.mark.parametrize("path", ["/a//b", "/./a", "/a/..", "/%61", "/a;b", "/.well-known", "/a/.well-known", "/ä", "//"])
def test_a_path_that_has_several_spellings_is_refused(monkeypatch, path):
    monkeypatch.setenv("ISSUER_URL", f"https://example.com{path}")
    with pytest.raises(ImproperlyConfigured, match="ISSUER_URL"):
        environment.issuer("ISSUER_URL", default="")
