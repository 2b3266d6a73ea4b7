"""The cast, and a database in a file, so that locks are those of production."""

import fcntl
import gc
import shutil
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import pytest
from coverage import Coverage
from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.management import create_contenttypes
from django.core.management import call_command
from django.db import connection
from django.db.models import CharField
from django.db.models.signals import post_migrate
from django.utils import timezone

from dashboard.models import Membership
from tests import factories
from tests.kept_rows import kept

# The garbage is small compared with what tests and libraries keep, which each collection searches.
gc.set_threshold(100_000, 20, 50)

pytest_plugins = ["tests.cases", "tests.postgresql", "tests.rfc_matrix"]

# Slow tests come first, so that every process has work until the end of a run.
SLOW = ("browser", "servers", "docs", "commands")


def _place(item):
    folder = item.path.parent.name
    return SLOW.index(folder) if folder in SLOW else len(SLOW), not item.path.stem.startswith("test_pages")


# Tests in these folders, or with these fixtures, start a program: “make test-fast” leaves them out.
FOLDERS = {"servers", "browser", "performance"}
PROGRAMS = {"server", "make_server", "postgresql", "make_tables", "shell", "prepare", "prepared_database"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if FOLDERS & set(item.nodeid.split("/")) or PROGRAMS & set(item.fixturenames):
            item.add_marker("program")
    items.sort(key=_place)


def pytest_collection_finish():
    gc.freeze()


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_blocker, pytestconfig):
    """A copy of the tables that the migrations make. They are kept until a migration or a library changes."""
    database = settings.DATA_DIR / "test.sqlite3"
    with django_db_blocker.unblock():
        shutil.copy(_tables(pytestconfig.rootpath), database)
        settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = str(database)
    import_module("tests.cheap_hashes")
    # Tables that are emptied after a test don't get permissions again: no user has any here, and it takes longer than the test.
    assert post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    assert post_migrate.disconnect(create_contenttypes)


@pytest.fixture(scope="session")
def whole_tables(django_db_setup, pytestconfig):
    """The file of an empty database as the migrations leave it. Read only."""
    return _whole(_tables(pytestconfig.rootpath))


def _whole(made):
    return made.with_suffix(".whole.sqlite3")


def _tables(root):
    """A database without the triggers that keep audit events: with them, it couldn't be emptied. tests/clients/test_audit_events_stay.py tests them. The whole
    is beside it.
    """
    of = sha256()
    for file in [root / "requirements.txt", Path(__file__), *sorted(root.glob("*/migrations/*.py"))]:
        of.update(file.read_bytes())
    folder = root / ".pytest_cache" / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    made, unfinished = folder / f"{of.hexdigest()}.sqlite3", folder / "unfinished.sqlite3"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in folder.glob("*.s*"):
                old.unlink()
            connection.settings_dict["NAME"] = str(unfinished)
            call_command("migrate", verbosity=0)
            connection.close()
            shutil.copy(unfinished, _whole(made))
            with connection.schema_editor() as editor:
                import_module("clients.migrations.0012_audit_events_stay").remove(None, editor)
            _limit_lengths()
            connection.close()
            unfinished.rename(made)
    return made


def _limit_lengths():
    """Limit lengths as PostgreSQL does: SQLite accepts a text of any length."""
    for model in apps.get_models():
        table = model._meta.db_table
        limited = [(field.column, field.max_length) for field in model._meta.local_fields if field.max_length and isinstance(field, CharField)]
        too_long = " OR ".join(f'length(NEW."{column}") > {most}' for column, most in limited)
        for event in ("INSERT", "UPDATE") if limited else ():
            body = f"BEGIN SELECT RAISE(ABORT, 'a text is too long for a column of {table}'); END"
            connection.cursor().execute(f'CREATE TRIGGER "{table}_lengths_{event}" BEFORE {event} ON "{table}" WHEN {too_long} {body}')


@pytest.fixture(scope="module")
def unmeasured():
    """Switches off coverage, which takes 50 % longer. It is for modules that run only lines that other modules run as well."""
    stopped = []
    # A process of pytest-xdist has more than one measurement: if the last is stopped, the previous one continues.
    while measuring := Coverage.current():
        measuring.stop()
        stopped.append(measuring)
    yield
    for measuring in reversed(stopped):
        measuring.start()


@pytest.fixture(scope="session", autouse=True)
def _data_dir():
    """The folder that tests/environment.py made for this process."""
    settings.DATA_DIR.mkdir(exist_ok=True)
    yield
    shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def ada(db):
    return kept(lambda: factories.create_user("ada@example.com"))


@pytest.fixture
def ben(db):
    return kept(lambda: factories.create_user("ben@example.com"))


@pytest.fixture
def eve(db):
    return kept(lambda: factories.create_user("eve@example.com"))


@pytest.fixture
def demo(ada, ben):
    """Ada's workspace, which Ben may view."""

    def make():
        workspace = factories.create_workspace("demo", owner=ada.email)
        factories.add_member(workspace, ben, Membership.Role.VIEWER)
        return workspace

    return kept(make)


@pytest.fixture
def other(eve):
    """Eve's workspace, which Ada and Ben don't know."""
    return kept(lambda: factories.create_workspace("other", owner=eve.email))


@pytest.fixture
def billing(demo):
    """A client of demo with the scopes read and write: .secret, .secret.client and .plaintext."""
    return kept(lambda: factories.create_client(demo), of=demo.pk)


@pytest.fixture
def signing_key(db):
    return factories.create_signing_key()
