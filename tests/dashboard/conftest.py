"""A browser without JavaScript, and the person who administers the instance."""

import pytest
from django.conf import settings as django_settings
from django.test import Client

from tests import factories


class Browser(Client):
    """Django's client over HTTPS, which is all that the instance serves."""

    def generic(self, *arguments, **options):
        return super().generic(*arguments, **{**options, "secure": True})


@pytest.fixture(autouse=True)
def _static_files(settings):
    """Without collectstatic there is no manifest of hashed names."""
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    django_settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    """Each account of the cast would cost a tenth of a second and 100 MB."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


@pytest.fixture
def browser():
    return Browser(raise_request_exception=False)


@pytest.fixture
def olga(db):
    """Operates the instance."""
    return factories.create_user("olga@example.com", is_instance_admin=True)


@pytest.fixture
def admin(browser, olga):
    """A browser in which Olga is signed in."""
    browser.force_login(olga)
    return browser
