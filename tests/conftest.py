"""The cast, and a database in a file, where locks are those of production."""

import shutil
from importlib import import_module

import pytest
from coverage import Coverage
from django.conf import settings
from django.contrib.contenttypes.management import create_contenttypes
from django.db import connection
from django.db.models.signals import post_migrate
from django.utils import timezone

from dashboard.models import Membership
from tests import factories

pytest_plugins = ["tests.postgresql", "tests.rfc_matrix"]

# What takes long comes first: at the end of a run every process has something to do until all is done.
SLOW = ("browser", "servers", "docs", "commands")


def _place(item):
    folder = item.path.parent.name
    return SLOW.index(folder) if folder in SLOW else len(SLOW), not item.path.stem.startswith("test_pages")


def pytest_collection_modifyitems(items):
    items.sort(key=_place)


@pytest.fixture(scope="session")
def django_db_modify_db_settings():
    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(settings.DATA_DIR / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Tables that are emptied after a test get no permissions anew, which nobody is given here: it takes longer than the test.

    Nor do they have the triggers that keep audit events: tests/clients/test_audit_events_stay.py is about them.
    """
    with django_db_blocker.unblock(), connection.schema_editor() as editor:
        import_module("clients.migrations.0012_audit_events_stay").remove(None, editor)
    assert post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    assert post_migrate.disconnect(create_contenttypes)


@pytest.fixture(scope="module")
def unmeasured():
    """Without coverage, under which all takes half as long again: for modules whose lines of the product others run as well."""
    stopped = []
    # A process of pytest-xdist has more than one: when the last is stopped, the one before goes on.
    while measuring := Coverage.current():
        measuring.stop()
        stopped.append(measuring)
    yield
    for measuring in reversed(stopped):
        measuring.start()


@pytest.fixture(scope="session", autouse=True)
def _data_dir():
    """What tests/environment.py made for this process."""
    settings.DATA_DIR.mkdir(exist_ok=True)
    yield
    shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def ada(db):
    return factories.create_user("ada@example.com")


@pytest.fixture
def ben(db):
    return factories.create_user("ben@example.com")


@pytest.fixture
def eve(db):
    return factories.create_user("eve@example.com")


@pytest.fixture
def demo(ada, ben):
    """Ada's workspace, which Ben may view."""
    workspace = factories.create_workspace("demo", owner=ada.email)
    factories.add_member(workspace, ben, Membership.Role.VIEWER)
    return workspace


@pytest.fixture
def other(eve):
    """Eve's workspace, of which Ada and Ben know nothing."""
    return factories.create_workspace("other", owner=eve.email)


@pytest.fixture
def billing(demo):
    """A client of demo with the scopes read and write: .secret, .secret.client and .plaintext."""
    return factories.create_client(demo)


@pytest.fixture
def signing_key(db):
    return factories.create_signing_key()
