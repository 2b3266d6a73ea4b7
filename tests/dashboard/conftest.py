"""A browser without JavaScript, the cast's browsers, the instance's administrator, and clients' credentials."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qsl

import pytest
from allauth.usersessions.models import UserSession
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from clients.certificate import read_certificates
from clients.public_key import read_jwk
from clients.services.audit import Actor
from clients.services.certificates import add_certificates
from clients.services.public_keys import add_public_keys
from dashboard.instance import mail
from dashboard.models import Membership
from dashboard.people.session_store import digest_key
from dashboard.people.sign_in_flow import AUTHENTICATION_METHODS_SESSION_KEY
from dashboard.people.user_sessions import NOTED, record_sign_in
from oauth.jose import generate_private_key
from tests import factories
from tests.kept_rows import kept


class Browser(Client):
    """Django's client over HTTPS, which is all that the instance serves."""

    def generic(self, *arguments, **options):
        """Also runs what waits for the commit, which a test's own transaction never reaches."""
        connection.run_on_commit.clear()
        response = super().generic(*arguments, **{**options, "secure": True})
        if connection.in_atomic_block:
            for _, act, _ in connection.run_on_commit:
                act()
        return response

    @property
    def row_key(self):
        """The key of its session's rows."""
        return digest_key(self.session.session_key)

    def force_login(self, user, backend=None):
        """Also makes the row of a sign-in: a session without one has ended."""
        super().force_login(user, backend)
        UserSession.objects.update_or_create(session_key=self.row_key, defaults={"user": user, "ip": "127.0.0.1", "user_agent": ""})


@pytest.fixture(autouse=True)
def _static_files(settings):
    """Without collectstatic there is no manifest of hashed names."""
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    django_settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


@pytest.fixture(autouse=True)
def _mail_is_sent():
    """Mail that a test leaves in the queue mustn't reach the next test."""
    yield
    mail.wait_until_sent()


@pytest.fixture
def browser():
    return Browser(raise_request_exception=False)


@pytest.fixture
def olga(db):
    """Operates the instance."""
    return kept(lambda: factories.create_user("olga@example.com", is_instance_admin=True))


@pytest.fixture
def admin(browser, olga):
    """A browser in which Olga has just signed in."""
    return sign_in(olga, browser)


def sign_in(user, browser=None):
    """A browser in which that person has just signed in with the password, so nothing asks for it again. tests/dashboard/test_sign_in.py tests the form."""
    browser = browser or Browser(raise_request_exception=False)
    browser.cookies = _sign_in(user, browser) if browser.cookies else kept(lambda: _sign_in(user, browser), of=(user.pk, user.password))
    return browser


def _sign_in(user, browser):
    """The cookies of that browser."""
    now = timezone.now()
    browser.force_login(user)
    session = browser.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": now.timestamp(), "email": user.email}]
    session[f"{AUTHENTICATION_METHODS_SESSION_KEY}_user"] = str(user.pk)
    session[NOTED] = now.timestamp()
    session.set_expiry(django_settings.SESSION_COOKIE_AGE)
    session.save()
    actor = Actor(f"user:{user.pk} {user.email}", address="127.0.0.1")
    record_sign_in(user=user, session_key=browser.row_key, method="password", actor=actor, now=now)
    return browser.cookies


def sign_in_by_form(user, browser=None):
    """With everything that the page leaves in a browser."""
    browser = browser or Browser(raise_request_exception=False)
    response = browser.post("/accounts/sign-in/", {"login": user.email, "password": factories.PASSWORD})
    assert response.status_code == 302, response.content.decode()
    return browser


def age_session(browser, **ago):
    """Make the session's last use that old."""
    UserSession.objects.filter(session_key=browser.row_key).update(last_seen_at=timezone.now() - timedelta(**ago))
    session = browser.session
    session[NOTED] -= timedelta(**ago).total_seconds()
    session.save()


@pytest.fixture
def adas(ada, demo):
    return sign_in(ada)


@pytest.fixture
def bens(ben, demo):
    return sign_in(ben)


@pytest.fixture
def eves(eve, other, demo):
    return sign_in(eve)


def join(workspace, email, role):
    """A new person who is a member of it."""
    user = factories.create_user(email)
    factories.add_member(workspace, user, role)
    return user


@pytest.fixture
def dana(demo):
    """Develops in demo."""
    return kept(lambda: join(demo, "dana@example.com", Membership.Role.DEVELOPER))


@pytest.fixture
def danas(dana):
    return sign_in(dana)


@pytest.fixture
def dan(demo):
    """Administers demo."""
    return kept(lambda: join(demo, "dan@example.com", Membership.Role.ADMIN))


@pytest.fixture
def dans(dan):
    return sign_in(dan)


def asked_by(response):
    """The form that “Confirm it’s you”, to which a response leads, sends after the proof."""
    path, _, query = response["Location"].partition("?")
    assert path == "/accounts/confirm/"
    return dict(parse_qsl(query))


def text_of(page):
    """The text of a response or a part of its HTML, as a reader sees it: without tags, white space as one space."""
    html = page if isinstance(page, str) else page.content.decode()
    text = unescape(re.sub(r"<[^>]*>", " ", html))
    return re.sub(r"\s+([.,;:?])", r"\1", " ".join(text.split()))


def create_public_key(client, *, kid="laptop", name=""):
    parsed = read_jwk({**generate_private_key("ES256").public_jwk, "kid": kid})
    [key] = add_public_keys(client=client, parsed=[parsed], name=name, actor=factories.TESTS, now=timezone.now())
    return key


def make_certificate(common_name="laptop"):
    """Self-signed, PEM."""
    key, subject, now = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string(f"CN={common_name}"), timezone.now()
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
    certificate = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30)).sign(key, SHA256())
    return certificate.public_bytes(Encoding.PEM).decode()


def create_certificate(client, pem=None, *, name=""):
    parsed = read_certificates(pem or make_certificate())
    [certificate] = add_certificates(client=client, parsed=parsed, name=name, actor=factories.TESTS, now=timezone.now())
    return certificate
