"""What every command promises: --json, one line for whatever goes wrong, exit status 1, and who did it."""

import json
import os
import pwd
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import OperationalError, connection
from django.utils import timezone

from clients.management.base import JSONCommand
from clients.models import AuditEvent, Client
from dashboard.models import User
from tests.commands.conftest import at_once

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {
    "create_client": ["--workspace", "demo", "--name", "x"],
    "create_secret": ["nobody"],
    "rotate_secret": ["nobody"],
    "revoke_secret": ["nobody", "none"],
    "end_secret": ["nobody", "none"],
    "extend_secret": ["nobody", "none", "--by", "24h"],
    "update_client": ["nobody", "--contact", "x"],
    "delete_client": ["nobody", "--confirm", "x"],
    "add_certificate": ["nobody", "/dev/null"],
    "revoke_certificate": ["nobody", "x" * 43],
    "add_public_key": ["nobody", "none.pem"],
    "revoke_public_key": ["nobody", "none"],
    "disable_client": ["nobody"],
    "enable_client": ["nobody"],
    "rotate_signing_key": [],
    "revoke_signing_key": ["none"],
    "reencrypt_keys": [],
    "create_workspace": ["acme"],
    "changepassword": ["nobody@example.com"],
    "recover_account": ["nobody@example.com"],
    "disable_account": ["nobody@example.com"],
    "enable_account": ["nobody@example.com"],
    "promote": ["nobody@example.com"],
    "demote": ["nobody@example.com"],
    "allow_passwords": ["nowhere"],
    "check_audiences": [],
    "hand_over_audience": ["https://api.example.com", "--workspace", "nowhere"],
    "prune": [],
    "createsuperuser": [],
    "diffsettings": [],
    "seed_benchmark": ["--workspace", "demo", "--clients", "1", "--known", "1", "--credentials", "file"],
}


def _assert_one_line(outcome, hint):
    assert outcome.returncode == 1
    assert outcome.stdout in (b"", None)
    assert outcome.stderr.count(b"\n") == 1
    assert hint in outcome.stderr.decode()


def test_success_is_status_0_and_exactly_one_json_object(shell, prepared):
    outcome = shell("create_client", "--workspace", "demo", "--name", "Büro 🚀", "--json")
    assert (outcome.returncode, outcome.stderr) == (0, b"")
    assert outcome.stdout.count(b"\n") == 1
    assert json.loads(outcome.stdout)["name"] == "Büro 🚀"


def test_bytes_that_are_no_text_are_refused(shell, prepared):
    _assert_one_line(shell("create_client", "--workspace", "demo", "--name", b"\xff\xfe"), "isn't UTF-8")


def test_terminal_that_cant_show_a_name_still_gets_the_secret(shell, prepared):
    outcome = shell("create_client", "--workspace", "demo", "--name", "Büro 🚀", PYTHONIOENCODING="ascii")
    assert outcome.returncode == 0
    assert b"B\\xfcro" in outcome.stdout
    assert b"tos_live_" in outcome.stdout


def test_full_disk_behind_stdout_prints_one_line(shell, prepared):
    with Path("/dev/full").open("w") as full:
        _assert_one_line(shell("create_client", "--workspace", "demo", "--name", "x", "--json", stdout=full), "its output couldn't be written")


@pytest.mark.parametrize("name", ["create_client", "rotate_signing_key", "create_workspace", "seed_benchmark"])
def test_database_that_was_never_set_up_prints_one_line(shell, tmp_path, name):
    _assert_one_line(shell(name, *COMMANDS[name]), "Run “make setup”.")
    assert not (tmp_path / "file").exists()


@pytest.mark.django_db(transaction=True)
def test_locked_database_prints_one_line(refused, demo):
    # Instead of five seconds.
    connection.cursor().execute("PRAGMA busy_timeout = 100")
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "locked by another process" in refused("create_client", "--workspace", "demo", "--name", "x")


def test_same_row_made_by_somebody_else_at_the_same_moment_prints_one_line(refused, demo):
    connection.cursor().execute("CREATE TRIGGER taken BEFORE INSERT ON clients_client BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed'); END")
    try:
        assert "nothing was written. Run the command again." in refused("create_client", "--workspace", "demo", "--name", "x")
    finally:
        connection.cursor().execute("DROP TRIGGER taken")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("database or disk is full", "The database's disk is full. Nothing was written. Free some space"),
        ("attempt to write a readonly database", "The database is read-only. Nothing was written. SQLite: check the permissions"),
    ],
)
def test_full_disk_and_read_only_database_say_what_to_do(refused, demo, monkeypatch, said, sentence):
    def fail(*_args, **_options):
        raise OperationalError(said)

    monkeypatch.setattr(Client, "save", fail)
    assert sentence in refused("create_client", "--workspace", "demo", "--name", "x")


def test_damaged_database_prints_one_line(shell, tmp_path):
    (tmp_path / "tokenos.sqlite3").write_bytes(b"no database" * 1000)
    _assert_one_line(shell("create_workspace", "acme"), f"{tmp_path / 'tokenos.sqlite3'} isn't a SQLite database, or it is damaged. Restore it from a backup.")


def test_database_with_a_damaged_page_prints_one_line(shell, prepared):
    file = prepared / "tokenos.sqlite3"
    file.write_bytes(file.read_bytes()[:4096] + b"\xff" * (file.stat().st_size - 4096))
    _assert_one_line(shell("create_workspace", "acme"), "isn't a SQLite database, or it is damaged.")


def test_missing_data_dir_prints_one_line(shell, tmp_path):
    _assert_one_line(shell("create_workspace", "acme", DATA_DIR=str(tmp_path / "missing")), "Check DATABASE_URL and DATA_DIR")


def test_unreachable_postgresql_prints_one_line(shell):
    _assert_one_line(shell("create_workspace", "acme", DATABASE_URL="postgres://nobody:hidden@127.0.0.1:1/none"), "The database can't be reached")


def test_wrong_setting_prints_one_line(shell):
    _assert_one_line(shell("create_workspace", "acme", PORT="http"), "PORT must be")


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ({"TLS": "yes"}, "TLS must be on or off, not “yes”."),
        ({"ISSUER_URL": "http://tokens.example.com"}, "for example https://tokens.example.com, not “http://tokens.example.com”."),
        ({"ISSUER_URL": "localhost"}, "for example https://tokens.example.com, not “localhost”."),
        ({"CLIENT_CERT_HEADER": "X-Cert"}, "not “X-Cert”."),
    ],
)
def test_wrong_setting_is_shown(shell, setting, line):
    _assert_one_line(shell("create_workspace", "acme", **setting), line)


@pytest.mark.parametrize("setting", [{"ISSUER_URL": "http://ada:hidden-secret@example.com"}, {"TLS": "hidden-secret-of-another-variable"}])
def test_what_may_be_secret_is_not_shown(shell, setting):
    assert "hidden" not in shell("create_workspace", "acme", **setting).stderr.decode()


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("arguments", [["--unknown"], ["--json", "--json=1"], ["one", "two", "three", "four"], ["--verbosity", "9"]])
def test_usage_error_prints_one_line_and_status_1(refused, name, arguments):
    refused(name, *arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_every_argument(command, name, capsys):
    assert command(name, "--help").status == 0
    assert "--json" in capsys.readouterr().out


def test_traceback_is_shown_to_who_asks_for_it(command, demo):
    with pytest.raises(CommandError, match="There is no client"):
        command("disable_client", "nobody", "--traceback")


def test_actor_is_the_account_of_the_operating_system_whatever_logname_says(command, demo, monkeypatch):
    monkeypatch.setenv("LOGNAME", "somebody")
    monkeypatch.setenv("USER", "somebody")
    command("create_client", "--workspace", "demo", "--name", "x")
    assert AuditEvent.objects.first().actor == f"command:{pwd.getpwuid(os.getuid()).pw_name}"
    assert Client.objects.get().created_by == AuditEvent.objects.first().actor


def test_actor_without_a_name_is_a_number(command, demo, monkeypatch):
    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    command("create_client", "--workspace", "demo", "--name", "x")
    assert AuditEvent.objects.first().actor == f"command:uid {os.getuid()}"


def test_one_moment_is_in_every_row_of_a_command(command, demo):
    command("create_client", "--workspace", "demo", "--name", "x", "--secret-expires-in", "1d")
    client = Client.objects.get()
    assert {client.created_at} == {client.secrets.get().created_at, *AuditEvent.objects.all()[:2].values_list("created_at", flat=True)}


def test_what_a_terminal_would_obey_is_not_repeated(refused, demo):
    line = refused("create_client", "--workspace", "\x1b[2Jdemo\r\nx", "--name", "x")
    assert "\x1b" not in line
    assert "\r" not in line


def test_nor_is_it_in_a_result(command, demo):
    """As in an old address, whose part before the @ may quote any text."""
    owner = User.objects.create_user('"\x1b[31mred"@example.com', created_at=timezone.now())
    created = command("create_workspace", "second", "--owner", owner.email)
    named = command("create_client", "--workspace", "second", "--name", "👩\N{ZERO WIDTH JOINER}💻\N{NO-BREAK SPACE}sync")
    assert "👩\N{ZERO WIDTH JOINER}💻\N{NO-BREAK SPACE}sync" in named.stdout
    assert '"\N{REPLACEMENT CHARACTER}[31mred"@example.com' in created.stdout
    assert "\x1b" not in created.stdout


def test_no_plaintext_reaches_the_database_file(shell, prepared):
    client = json.loads(shell("create_client", "--workspace", "demo", "--name", "x", "--json").stdout)
    further = json.loads(shell("create_secret", client["client_id"], "--json").stdout)
    rotated = json.loads(shell("rotate_secret", client["client_id"], "--json").stdout)
    stored = b"".join(file.read_bytes() for file in prepared.glob("tokenos.sqlite3*"))
    for result in (client, further, rotated):
        assert result["secret_id"].encode() in stored
        assert result["client_secret"][-39:].encode() not in stored


def test_command_without_work_of_its_own_is_a_mistake_of_the_program():
    with pytest.raises(NotImplementedError):
        JSONCommand().run({}, actor=None, now=None)


def test_two_simultaneous_commands_make_one_workspace(shell, prepared):
    outcomes = at_once(2, lambda _: shell("create_workspace", "acme", "--json"))
    assert sorted((outcome.returncode, outcome.stderr.count(b"\n")) for outcome in outcomes) == [(0, 0), (1, 1)]


def test_every_command_is_tested_here():
    files = {path.stem for app in ("clients", "oauth", "dashboard") for path in (ROOT / app / "management/commands").glob("[a-z]*.py")}
    assert files - {"prepare"} == set(COMMANDS)
