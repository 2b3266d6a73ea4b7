"""Microsoft Entra ID: any administrator, even a guest's, can set the email claim, unless xms_edov says that the domain's owner confirmed it."""

import pytest
from allauth.socialaccount.models import SocialAccount

from dashboard.instance.checks import check_settings
from dashboard.models import User
from tests.dashboard.sso.conftest import come, heading, user_of

pytestmark = pytest.mark.django_db

TENANT = "8ee3f1a5-0b7c-4b0e-9d5e-1a2b3c4d5e6f"


@pytest.mark.parametrize("said", [None, False, 0, "0", "false", "", "yes", [True], 2])
def test_an_address_that_no_owner_of_its_domain_answers_for_links_no_account(browser, okta, demo, ada, settings, said):
    settings.SSO_DOMAINS = ["example.com"]
    response = come(browser, okta, tid=TENANT, email_verified=None, xms_edov=said)
    assert (response.status_code, heading(response)) == (403, "Okta hasn’t verified your email address")
    assert user_of(browser) is None
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("said", [True, 1, "1", "true"])
def test_one_that_its_owner_answers_for_links_the_account(browser, okta, demo, ada, settings, said):
    settings.SSO_DOMAINS = ["example.com"]
    come(browser, okta, tid=TENANT, email_verified=None, xms_edov=said)
    assert user_of(browser) == ada.pk


def test_it_gets_an_account_and_links_none_of_another_domain(browser, okta, demo, ada, settings):
    settings.SSO_DOMAINS = ["elsewhere.example"]
    response = come(browser, okta, tid=TENANT, email_verified=None, xms_edov=True)
    assert heading(response) == "An account for ada@example.com already exists"
    come(browser, okta, sub="00u2", email="grace@example.com", groups=["devs"])
    assert User.objects.filter(email="grace@example.com").exists()


def test_what_the_owner_does_not_answer_for_is_not_verified_whoever_says_so(browser, okta, demo, ada, settings):
    settings.SSO_DOMAINS = ["example.com"]
    assert come(browser, okta, email_verified=True, xms_edov=False).status_code == 403
    okta.userinfo = {"email": "ada@example.com"}
    assert come(browser, okta, tid=TENANT, email=None, email_verified=None, xms_edov=None).status_code == 403
    assert user_of(browser) is None


def test_an_account_that_is_linked_needs_no_address(browser, okta, demo, ada):
    SocialAccount.objects.create(user=ada, provider=okta.issuer, uid="00u1ada")
    come(browser, okta, tid=TENANT, email=None, email_verified=None)
    assert user_of(browser) == ada.pk


@pytest.mark.parametrize("host", ["login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"])
@pytest.mark.parametrize("path", ["common/v2.0", "organizations/v2.0", "consumers/v2.0", "Common/v2.0", "common"])
def test_an_address_for_all_tenants_is_no_issuer(okta, settings, host, path):
    settings.SSO_ISSUER = f"https://{host}/{path}"
    [message] = check_settings()
    assert message.id == "dashboard.E009"
    assert f"https://{host}/TENANT/v2.0" in message.hint


@pytest.mark.parametrize("issuer", [f"https://login.microsoftonline.com/{TENANT}/v2.0", "https://login.example.com/common"])
def test_the_issuer_of_one_tenant_is_fine(okta, settings, issuer):
    settings.SSO_ISSUER = issuer
    assert check_settings() == []
