"""Mail without a mail server: files for the operator, and never the log."""

import logging
import os
import re
import stat
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from hashlib import sha256, sha512

import pytest
from django.core.mail import send_mail

from dashboard.instance import environment, mail
from dashboard.instance.mail import files
from dashboard.people.notices import describe


@pytest.fixture
def folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.EMAIL_BACKEND = "dashboard.instance.mail.files.Backend"
    return tmp_path / "mail"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def write(folder, count, *, at):
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"{at:%Y-%m-%d-%H%M%S-%f}-{number:08x}.eml").touch()


@pytest.mark.parametrize("url", ["", "consolemail://"])
def test_without_a_mail_server_mail_is_written_to_files(url, monkeypatch):
    monkeypatch.setenv("EMAIL_URL", url)
    assert environment.email("EMAIL_URL")["EMAIL_BACKEND"] == "dashboard.instance.mail.files.Backend"


def test_a_mail_server_gets_its_mail_as_before(monkeypatch):
    monkeypatch.setenv("EMAIL_URL", "smtp+tls://user:password@mail.example.com:587")
    assert environment.email("EMAIL_URL")["EMAIL_BACKEND"] == "dashboard.instance.mail.smtp.Backend"


def test_only_the_operator_can_read_a_mail_and_the_log_names_its_file(folder, caplog, capfd):
    caplog.set_level(logging.INFO, "tokenos.mail")
    link = "https://localhost:8443/accounts/reset/aVeryLongTokenThatSetsThePassword/"
    old_mask = os.umask(0)
    try:
        send_mail("Set a new password", f"Use this link:\n{link}\n", None, ["ada@example.com"])
    finally:
        os.umask(old_mask)
    (file,) = folder.iterdir()
    assert (mode(folder), mode(file)) == (0o700, 0o600)
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert message["To"] == "ada@example.com"
    assert link in message.get_content()
    assert caplog.messages == [f"There is no mail server, so this email was written to a file: {file}"]
    assert not any(re.search("aVeryLong|ada@", text) for text in (*caplog.messages, *capfd.readouterr()))


def test_folder_that_others_could_read_is_closed(folder):
    folder.mkdir(mode=0o755)
    send_mail("Subject", "Text", None, ["ada@example.com"])
    assert mode(folder) == 0o700


def test_mail_is_kept_for_as_long_as_its_links_work_and_not_longer(folder):
    now = datetime.now(UTC)
    write(folder, 2, at=now - files.KEPT - timedelta(minutes=1))
    write(folder, 3, at=now - files.KEPT + timedelta(minutes=1))
    send_mail("Subject", "Text", None, ["ada@example.com"])
    assert len(list(folder.iterdir())) == 4


def test_no_more_files_are_kept_than_that(folder):
    write(folder, files.MAX_KEPT + 5, at=datetime.now(UTC) - timedelta(days=1))
    send_mail("Subject", "Text", None, ["ada@example.com"])
    names = sorted(found.name for found in folder.iterdir())
    assert len(names) == files.MAX_KEPT
    assert (folder / names[-1]).stat().st_size


def test_mail_that_cannot_be_written_to_a_file_prints_one_line_in_the_log(folder, caplog):
    folder.touch()
    context = {"headline": "h", "text": "t", "at": datetime.now(UTC), "address": "", "device": "", "security_url": "s", "reset_url": "r"}
    assert mail.send("account_notice", ["ada@example.com"], context) is False
    assert [record.getMessage() for record in caplog.records] == ["mail not sent: FileExistsError"]
    assert mail.goes_to_files()


class TestNobodyPushesOutWhatOthersGot:
    @pytest.fixture(autouse=True)
    def _few(self, monkeypatch):
        monkeypatch.setattr(files, "MAX_KEPT", 6)
        monkeypatch.setattr(files, "MAX_LINKS", 6, raising=False)
        monkeypatch.setattr(files, "MAX_TO_ONE", 4, raising=False)

    def notice(self, address):
        mail.send("account_notice", [address], describe("password_changed", now=datetime.now(UTC)))

    def link(self, address):
        mail.send("account_email_change", [address], {"url": "https://localhost/", "host": "localhost"})

    def kept(self, folder):
        return [message_from_bytes(file.read_bytes(), policy=policy.default)["To"] for file in sorted(folder.iterdir())]

    def test_by_many_mails_to_oneself(self, folder):
        self.notice("ben@example.com")
        for _ in range(20):
            self.notice("mallory@example.com")
        assert self.kept(folder) == ["ben@example.com", *["mallory@example.com"] * 4]

    def test_by_mails_to_many_strangers_where_it_holds_a_link(self, folder):
        self.link("ben@example.com")
        for number in range(20):
            self.notice(f"stranger-{number}@example.com")
        assert self.kept(folder) == ["ben@example.com", *(f"stranger-{number}@example.com" for number in range(14, 20))]

    def test_by_many_links_to_two(self, folder):
        self.link("ben@example.com")
        for _ in range(20):
            self.link("mallory@example.com")
            self.link("eve@example.com")
        first, *others = self.kept(folder)
        assert (first, len(others), set(others)) == ("ben@example.com", 5, {"eve@example.com", "mallory@example.com"})

    def test_and_the_name_of_a_file_tells_nobody_to_whom_it_is(self, folder):
        self.notice("ben@example.com")
        [file] = folder.iterdir()
        assert re.fullmatch(r"[0-9-]{24}-[0-9a-f]{12}-notice-[0-9a-f]{8}\.eml", file.name)
        assert not any(sha(b"ben@example.com").hexdigest()[:12] in file.name for sha in (sha256, sha512))
