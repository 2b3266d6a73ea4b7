"""Google: people choose their account's address themselves. hd names the account's Google Workspace, and is absent if there is none."""

import pytest

from dashboard.people.sso.identity import read_identity

CLAIMS = {"iss": "https://accounts.google.com", "sub": "10769150350006150715113082367", "email": "Ada@Example.com"}


@pytest.mark.parametrize("verified", [True, None])
@pytest.mark.parametrize("hd", [None, "", "evil.example", "gmail.com", ["example.com"], True])
def test_an_address_of_a_domain_is_not_proved_by_an_account_outside_its_workspace(settings, verified, hd):
    settings.SSO_DOMAINS = ["example.com"]
    identity = read_identity({**CLAIMS, "email_verified": verified, "hd": hd}, {"sub": CLAIMS["sub"], "hd": "example.com"})
    assert (identity.email, identity.email_is_proved) == ("ada@example.com", False)


@pytest.mark.parametrize("hd", ["example.com", "EXAMPLE.com", "example.org"])
def test_one_of_an_account_in_the_workspace_is(settings, hd):
    """A Google Workspace may have several domains; hd is the first."""
    settings.SSO_DOMAINS = ["example.com", "Example.org"]
    assert read_identity({**CLAIMS, "email_verified": True, "hd": hd}, {}).email_is_proved


def test_one_of_another_domain_is_what_google_says(settings):
    settings.SSO_DOMAINS = ["example.org"]
    assert read_identity({**CLAIMS, "email_verified": True}, {}).email_is_proved
    assert not read_identity({**CLAIMS, "hd": "example.com"}, {}).email_is_proved


def test_hd_means_nothing_from_another_provider(settings):
    settings.SSO_DOMAINS = ["example.com"]
    assert read_identity({**CLAIMS, "iss": "https://acme.okta.com", "hd": "evil.example"}, {}).email_is_proved
