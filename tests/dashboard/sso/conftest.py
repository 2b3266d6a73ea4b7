"""Okta, a provider that confirms Ada unless a test says otherwise, and the browser that comes back from it."""

import copy
import re

import pytest
from allauth.socialaccount.models import SocialAccount
from cryptography import x509

from clients.models import AuditEvent
from dashboard.models import AccessPolicy
from dashboard.people.sso.provider import known_endpoints
from tests.cases import APART
from tests.certificates import self_signed
from tests.dashboard.conftest import Browser
from tests.dashboard.sso.provider import CLIENT_ID, SECRET, Handler, Provider, make_key, serve

START, CALLBACK = "/accounts/sso/", "/accounts/sso/callback/"

# Here the cases of a test may share its fixtures: the provider is put back as well.
APART.discard("sso")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    okta, test = pyfuncitem.funcargs.get("okta"), pyfuncitem.obj
    if okta is None:
        return
    before = copy.deepcopy(vars(okta))

    def as_before(**arguments):
        known_endpoints.clear()
        vars(okta).update(copy.deepcopy(before))
        test(**arguments)

    pyfuncitem.obj = as_before


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    directory = tmp_path_factory.mktemp("provider")
    return self_signed("localhost", extensions=[x509.SubjectAlternativeName([x509.DNSName("localhost")])]).write(directory)


@pytest.fixture(scope="session")
def _serving(certificate):
    server, provider = serve(certificate)
    yield provider.port, make_key()
    server.shutdown()
    server.server_close()


@pytest.fixture
def okta(_serving, certificate, settings) -> Provider:
    known_endpoints.clear()
    provider = Handler.provider = Provider(_serving[0], key=_serving[1])
    settings.SSO_ISSUER, settings.SSO_CLIENT_ID, settings.SSO_CLIENT_SECRET = provider.issuer, CLIENT_ID, SECRET
    settings.SSO_NAME, settings.SSO_CA = "Okta", certificate[0]
    settings.SSO_ROLES = [("devs", "demo", "developer"), ("platform", "demo", "admin"), ("platform", "other", "viewer"), ("bosses", "demo", "owner")]
    return provider


def begin(browser, *, path=START, **form) -> str:
    """The provider's URL to which a page leads."""
    response = browser.post(path, form)
    assert response.status_code == 200, response.content.decode()
    url = re.fullmatch(r"0; url=(https://\S+)", response["Refresh"])[1]
    assert f'href="{url.replace("&", "&amp;")}"' in response.content.decode()
    return url


def come(browser, okta, *, path=START, goes_on="", **claims):
    """Go to the provider and come back as the person in the claims. Returns the response to the callback."""
    okta.claims.update(claims)
    return browser.get(okta.authorize(begin(browser, path=path, **({"next": goes_on} if goes_on else {}))))


def link(user, okta, subject="00u1ada"):
    return SocialAccount.objects.create(user=user, provider=okta.issuer, uid=subject)


def user_of(browser) -> int | None:
    number = browser.session.get("_auth_user_id")
    return int(number) if number else None


def demand_sso(workspace):
    return AccessPolicy.objects.update_or_create(workspace=workspace, defaults={"requires_sso": True})[0]


def events(*names):
    """These events, oldest first."""
    return [event for event in AuditEvent.objects.order_by("pk") if event.event in names]


def heading(response) -> str:
    return re.search(r"<h1[^>]*>\s*(.*?)\s*</h1>", response.content.decode(), re.DOTALL)[1].replace("&#x27;", "'")


@pytest.fixture
def second_browser():
    return Browser(raise_request_exception=False)
