"""Every argument of every command with invalid values: one short line on stderr that says what to do, exit status 1, and nothing written."""

import json
import re
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat
from django.core.management import get_commands, load_command_class

from clients.management.base import JSONCommand
from tests import factories
from tests.commands.conftest import _rows
from tests.commands.test_every_command import COMMANDS
from tests.public_keys import private, private_pem, to_jwk

# What no argument may be.
NOTHING = {"NUL": "a\0b", "no UTF-8": "a\udcffb", "huge": "x" * 300_000}
OF_SEVERAL_LINES = {"control characters": "a\x1b[2J\r\nb"}
DURATIONS = {"nothing": "", "a bad DURATION": "1w", "a negative DURATION": "-5h", "a long DURATION": "9" * 30 + "d"}
NUMBERS = {"nothing": "", "a word": "many", "a negative number": "-1", "a long number": "9" * 30}
FILES = {"nothing": "", "a folder": "folder", "a missing FILE": "missing", "a binary FILE": "binary", "a huge FILE": "huge", "an empty FILE": "empty"}
NAMES = {"nothing": "", "unknown": "nobody", "a malformed UUID": "123e4567-e89b-12d3-a456-42661417400g"}
# By argument: what else it can't be. {} for text that may be anything.
WRONG = {
    "client_id": NAMES,
    "secret_id": NAMES,
    "kid": NAMES,
    "thumbprint": NAMES,
    "email": NAMES,
    "member": NAMES,
    "workspace": {"nothing": "", "an unknown workspace": "nowhere"},
    "slug": {"nothing": "", "taken": "demo", "capitals": "Acme"},
    "owner": {"nothing": "", "no address": "nobody"},
    "confirm": {"nothing": "", "another name": "another"},
    "file": FILES,
    "public_key": FILES,
    "certificate": FILES,
    "credentials": {"nothing": "", "a folder": "folder", "in no folder": "missing/file", "there": "empty"},
    "expires_in": DURATIONS,
    "secret_expires_in": DURATIONS,
    "overlap": DURATIONS,
    "by": DURATIONS,
    "until": {"nothing": "", "a bad time": "tomorrow", "in the past": "2001-01-01T00:00Z", "without a zone": "2999-01-01T00:00"},
    "clients": NUMBERS,
    "known": NUMBERS,
    "usage_days": {**NUMBERS, "nothing": "many"},
    "token_lifetime": NUMBERS,
    "allow_ip": {"nothing": "", "a bad CIDR": "10.0.0.0/99", "an address in a range": "10.0.0.1/8", "a name": "localhost"},
    "audience": {"nothing": "", "no URI": "api", "with quotes": "https://a.example.com/'$(id)'"},
    "jwks_uri": {"nothing": "", "without TLS": "http://a.example.com/jwks.json"},
    "tls_subject": {"nothing": "", "without a type": "a.example.com"},
    "auth_method": {"nothing": "", "another word": "password"},
    "environment": {"nothing": "", "another word": "prod"},
    "algorithm": {"nothing": "", "another word": "HS256"},
    "scope": {"nothing": "", "an unknown scope": "everything", "two spaces": "read  write"},
    "name": {},
    "description": {},
    "contact": {},
    "tag": {"nothing": ""},
}
# What an update can take away.
MAY_END = {"scope", "audience", "allow_ip", "jwks_uri", "tls_subject", "tag"}
SAYS_WHAT_TO_DO = re.compile(
    r"\b(Add|Give|List|Say|Submit|[Uu]se|[Rr]un|[Ww]rite|Choose|Enter|Type|Separate|Name|Convert|needs|It has|There is)\b|\bhas 1 to 63\b|must be"
)


def arguments_of(name):
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    shared = {action.dest for action in JSONCommand().create_parser("manage.py", name)._actions}
    return [action for action in parser._actions if action.dest not in shared and action.nargs != 0]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 16)
    (tmp_path / "huge").write_bytes(b"-----BEGIN PUBLIC KEY-----\n" * 1_000_000)
    (tmp_path / "empty").touch()
    return tmp_path


@pytest.mark.long
@pytest.mark.apart
@pytest.mark.parametrize("name", [name for name in COMMANDS if arguments_of(name)])
def test_an_invalid_argument_prints_one_line_that_says_what_to_do(command, billing, files, name):
    client = billing.secret.client
    secret = factories.create_secret(client, lifetime=timedelta(days=9)).secret
    good = {"client_id": client.client_id, "secret_id": secret.secret_id, "workspace": "demo", "slug": "acme", "email": "ada@example.com"}
    good |= {"name": "x", "clients": "2", "known": "1", "credentials": "made", "audience": "https://api.example.com", "confirm": client.name}
    arguments = arguments_of(name)
    before, there = _rows(), sorted(files.iterdir())
    for wrong in arguments:
        cases = NOTHING | ({} if wrong.dest == "credentials" else OF_SEVERAL_LINES) | WRONG[wrong.dest]
        for what, value in cases.items():
            if name == "update_client" and wrong.dest in MAY_END and not value:
                continue
            values = {action.dest: good.get(action.dest, "1h") for action in arguments if action.required} | {wrong.dest: value}
            options = [f"{action.option_strings[-1]}={values[action.dest]}" for action in arguments if action.option_strings and action.dest in values]
            words = [values[action.dest] for action in arguments if not action.option_strings]
            for asked in ([], ["--json"]):
                outcome = command(name, *asked, *options, *(["--", *words] if words else []))
                case = f"{name}: {wrong.dest} that is {what} {asked}: {outcome}"[:700]
                assert (outcome.status, outcome.stdout) == (1, ""), case
                assert outcome.stderr.count("\n") == 1, case
                assert len(outcome.stderr) < 400, case
                assert SAYS_WHAT_TO_DO.search(outcome.stderr), case
                assert not re.search(r"\s\s|\s\.$|^\s", outcome.stderr.rstrip("\n")), case
    assert _rows() == before
    assert sorted(files.iterdir()) == there


def test_secret_in_place_of_the_client_id_is_not_repeated(refused, billing):
    line = refused("create_secret", billing.plaintext)
    assert "This is a secret, not a client ID" in line
    assert billing.plaintext[:20] not in line


@pytest.mark.parametrize("command_name", ["add_public_key", "add_certificate"])
@pytest.mark.parametrize("text", [private_pem("P-256", PrivateFormat.PKCS8), json.dumps(to_jwk(private()))], ids=["PEM", "JWK"])
def test_key_in_place_of_a_file_is_not_repeated(refused, billing, command_name, text):
    line = refused(command_name, billing.secret.client.client_id, text)
    assert "Give the path of a file" in line
    assert len(line) < 150


@pytest.mark.parametrize("command_name", ["revoke_secret", "end_secret", "extend_secret"])
def test_whole_secret_in_place_of_its_id_is_refused_and_not_repeated(refused, billing, command_name):
    line = refused(command_name, billing.secret.client.client_id, billing.plaintext)
    assert "This is a whole secret. Give its ID" in line
    assert billing.plaintext[:20] not in line
