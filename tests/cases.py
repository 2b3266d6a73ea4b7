"""The cases of a test share its fixtures, which cost ten times as much as a case: @pytest.mark.parametrize makes one test that goes through all its values.

Before each case, everything is restored to the state that the fixtures left: the database, rows among the arguments, cookies, settings and mail. A failure's
note names its case. If a fixture needs the value, or the test writes files, commits, or is marked as apart, each case is a separate test. With --apart all
cases are, so that one can be picked.
"""

import copy
import itertools
import sqlite3
from contextlib import closing, contextmanager, nullcontext
from dataclasses import fields, is_dataclass

import pytest
from django.core import mail
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from hypothesis import settings

from dashboard.instance.mail import wait_until_sent

# Their fixtures are servers, also for single sign-on, and pages: these can't be restored.
APART = {"servers", "browser", "performance", "sso"}


class Column(list):
    """The value of an argument in each case."""


class Each(list):
    """The values of a fixture, one after the other. value: the current one. in_each_case: if it is False, only the first case meets all of them, and the others
    meet the first.
    """

    def __init__(self, values, *, in_each_case=True):
        super().__init__(values)
        self.value, self.in_each_case = self[0], in_each_case


def pytest_addoption(parser):
    parser.addoption("--apart", action="store_true", help="make each case a test of its own")
    parser.addoption("--few", action="store_true", help="leave out all cases of a test but the first and the last, and all but ten of Hypothesis")


def pytest_configure(config):
    if config.getoption("few"):
        settings.register_profile("few", max_examples=10)
        settings.load_profile("few")


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc):
    definition = metafunc.definition
    marks = list(definition.iter_markers("parametrize"))
    if not marks or not _may_share(metafunc, marks):
        return
    cases = [{}]
    for mark in marks:
        names, rows = _names(mark), [_values(row, _names(mark)) for row in mark.args[1]]
        cases = [case | dict(zip(names, row, strict=True)) for case in cases for row in rows]
    if metafunc.config.getoption("few"):
        cases = [cases[0], *cases[1:][-1:]]
    definition.iter_markers = lambda name=None: (mark for mark in type(definition).iter_markers(definition, name) if mark.name != "parametrize")
    metafunc.parametrize(list(cases[0]), [[Column(case[name] for case in cases) for name in cases[0]]], ids=[pytest.HIDDEN_PARAM])


def _names(mark):
    names = mark.args[0]
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)


def _values(row, names):
    if hasattr(row, "marks"):
        return row.values
    return [row] if len(names) == 1 else row


def _may_share(metafunc, marks):
    definition = metafunc.definition
    if metafunc.config.getoption("apart") or definition.get_closest_marker("apart") or APART & set(definition.nodeid.split("/")):
        return False
    # Files stay, and so do commits by other threads.
    if "tmp_path" in definition._fixtureinfo.argnames or _commits(definition):
        return False
    names = {name for mark in marks for name in _names(mark)}
    wanted_by_fixtures = {name for found in definition._fixtureinfo.name2fixturedefs.values() for fixture in found for name in fixture.argnames}
    return not names & wanted_by_fixtures and not any(mark.kwargs.get("indirect") or not len(mark.args[1]) for mark in marks)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    fixtures = pyfuncitem.funcargs
    given = {name: fixtures[name] for name in pyfuncitem._fixtureinfo.argnames}
    columns = {name: value for name, value in given.items() if isinstance(value, Column)}
    each = [value for value in fixtures.values() if isinstance(value, Each)]
    if not columns and not each:
        return None
    cases = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)] or [{}]
    rest = {name: value for name, value in given.items() if name not in columns}
    rows = copy.deepcopy({name: value for name, value in rest.items() if _holds_rows(value)})
    undone = _committed_undone if "transactional_db" in fixtures else _undone if connection.in_atomic_block else nullcontext
    for case, values in _passes(cases, each, is_alone=bool(pyfuncitem.get_closest_marker("apart")) or _commits(pyfuncitem)):
        for one, value in zip(each, values, strict=True):
            one.value = value
        own = copy.deepcopy(rows) | case | {name: value.value for name, value in rest.items() if isinstance(value, Each)}
        try:
            with undone(), _put_back(fixtures), pytest.MonkeyPatch.context() as monkeypatch:
                if "monkeypatch" in rest:
                    own["monkeypatch"] = monkeypatch
                pyfuncitem.obj(**rest | own)
        except BaseException as error:
            error.add_note(f"case: {case!r:.1000} {values!r:.200}")
            raise
    return True


def _passes(cases, each, *, is_alone):
    """is_alone: whether nothing needs to be undone between cases."""
    for number, case in enumerate(cases):
        for values in itertools.product(*(values[:1] if is_alone or (number and not values.in_each_case) else values for values in each)):
            yield case, values


def _commits(item):
    database = item.get_closest_marker("django_db")
    return bool(database and database.kwargs.get("transaction"))


def _holds_rows(value):
    if isinstance(value, type) or not is_dataclass(value):
        return isinstance(value, Model)
    return any(isinstance(getattr(value, field.name), Model) for field in fields(value))


@contextmanager
def _undone():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def _committed_undone():
    """It doesn't copy the file: the write-ahead log also has data of other threads' connections."""
    with closing(sqlite3.connect(":memory:")) as kept:
        connection.ensure_connection()
        connection.connection.backup(kept)
        yield
        connection.ensure_connection()
        kept.backup(connection.connection)


@contextmanager
def _put_back(fixtures):
    """Restore cookies, mail, settings and the log."""
    cookies = [(browser, copy.deepcopy(browser.cookies)) for browser in fixtures.values() if isinstance(browser, Client)]
    sent, changed = list(mail.outbox), fixtures.get("settings")
    overridden = len(changed._to_restore) if changed else 0
    if "caplog" in fixtures:
        fixtures["caplog"].clear()
    yield
    while changed and len(changed._to_restore) > overridden:
        changed._to_restore.pop().disable()
    wait_until_sent()
    mail.outbox = sent
    for browser, kept in cookies:
        browser.cookies = kept
