"""The pasted text is stored nowhere: not in the database, a session, a log, a mail or a file."""

import tempfile
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import connection

from tests.dashboard.conftest import Browser
from tests.dashboard.leak.conftest import ask_for_token, look_up
from tests.dashboard.leak.test_stop import buttons_of, stop


def dump():
    """Every cell of every table."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                yield from map(str, row)
    for session in Session.objects.all():
        yield str(session.get_decoded())


@pytest.mark.long
def test_what_was_pasted_is_kept_nowhere_and_a_file_is_never_written_to_a_disk(danas, billing, caplog, capfd, tmp_path, monkeypatch):
    def fail(*_arguments, **_more):
        raise AssertionError("a file was written")

    monkeypatch.setattr(TemporaryUploadedFile, "__init__", fail)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    token = ask_for_token(billing).json()["access_token"]
    caplog.set_level("DEBUG")
    # Of others' secrets nobody knows how they look, so nothing takes them out of a log.
    foreign = "blue-horse-42"
    log = (f"{foreign} {billing.plaintext} {token}\n" * 20_000).encode()
    assert len(log) > 5_000_000
    pages = [look_up(danas, f"{foreign} {billing.plaintext}"), look_up(danas, token), look_up(danas, file=log)]
    assert {page.status_code for page in pages} == {200}
    pages += [danas.get(stop(danas, buttons_of(pages[-1]))["Location"])]
    random_part, signature = billing.plaintext[20:53], token.rpartition(".")[2]
    out, err = capfd.readouterr()
    places = {
        "database": "\n".join(dump()),
        "pages": "".join(page.content.decode() for page in pages),
        "log": "\n".join(str(vars(record)) for record in caplog.records),
        "output": out + err,
    }
    for name, text in places.items():
        assert random_part not in text, name
        assert signature not in text, name
        assert foreign not in text, name
    assert list(Path(tmp_path).iterdir()) == []


def test_a_page_that_was_open_too_long_offers_everything_again_but_the_secret(dana, demo, billing):
    browser = Browser(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(dana)
    page = browser.post("/w/demo/leak/", {"leaked_secret": billing.plaintext}, headers={"Origin": "https://testserver"})
    assert page.status_code == 403
    assert billing.plaintext not in page.content.decode()
