"""The base of all commands: --json, one line for any error, the acting person and the current time.

A command parses its arguments, calls a service and returns the result, which is printed here. Rules about values belong to the services.
"""

import argparse
import json
import os
import pwd
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser, handle_default_options
from django.db import Error as DatabaseError
from django.db import IntegrityError, ProgrammingError, connections
from django.utils import timezone

from clients.database_fault import DAMAGED, LOCKED, NO_ANSWER, UNREACHABLE, find_fault
from clients.key_encryption import MissingKeyEncryptionKeyError
from clients.management.table import render_table
from clients.redaction import redact
from clients.services.audit import Actor

# These are harmless, although Python calls them unprintable.
_HARMLESS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
_SHOWN_ONCE = {
    "client_secret": "Store the client secret now: it can't be shown again.",
    "owner_password": "Note the owner's password now: it can't be shown again.",
}


class _StoreOnce(argparse.Action):
    """Like argparse's store, but giving an option twice is an error, because it isn't clear which value is meant."""

    _used = False

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None) -> None:
        if self._used:
            parser.error(f"{option_string} is given twice; give it once")
        self._used = True
        setattr(namespace, self.dest, values)


class JSONCommand(BaseCommand):
    """A subclass sets help, may declare() its arguments, and does its work in run()."""

    requires_system_checks: list[str] | tuple[str, ...] | Literal["__all__"] = []

    def declare(self, parser: CommandParser) -> None:
        """Add the command's own arguments."""

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        """Do the work and return the result that --json prints, with any warnings as sentences under "warnings". A ValidationError becomes the one line on
        stderr.
        """
        raise NotImplementedError

    def render(self, result: Mapping[str, Any]) -> str:
        """The result for a reader."""
        table = render_table({name: value for name, value in result.items() if name != "warnings"})
        warnings = [f"Warning: {warning}" for warning in result.get("warnings", ())]
        return "\n".join([*table, *warnings, *(note for name, note in _SHOWN_ONCE.items() if name in result)])

    def add_arguments(self, parser: CommandParser) -> None:
        parser.register("action", None, _StoreOnce)
        parser.add_argument("--json", action="store_true", help="print exactly one JSON object")
        self.declare(parser)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **{"allow_abbrev": False, **kwargs})
        # This makes a usage error a CommandError, instead of argparse's several lines and exit status 2.
        parser.called_from_command_line = False
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        traceback = False
        try:
            parser = self.create_parser(argv[0], argv[1])
            options = vars(parser.parse_args(_join_negative_values(_move_thumbprint(argv[2:]))))
            traceback = options["traceback"]
            handle_default_options(argparse.Namespace(**options))
            self.execute(*options.pop("args", ()), **options)
        except CommandError as error:
            if traceback:
                raise
            self.stderr.write(printable(redact(str(error).removeprefix("Error: "))))
            sys.exit(1)
        finally:
            connections.close_all()

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  # Django calls it so
        try:
            _refuse_undecodable(options)
            result = self.run(options, actor=Actor(f"command:{_system_user()}"), now=timezone.now())
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except MissingKeyEncryptionKeyError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(_explain(error)) from error
        self._print(json.dumps(result) if options["json"] else "\n".join(map(_obeyed_by_none, self.render(result).split("\n"))))

    def _print(self, text: str) -> None:
        encoding = getattr(self.stdout, "encoding", None) or "utf-8"
        try:
            self.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self.stdout.flush()
        except OSError as error:
            # Otherwise Python tries again at exit and prints its own error.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise CommandError(
                f"The command succeeded, but its output couldn't be written ({error.strerror}). If it contained a secret, the secret is lost."
            ) from error


def warn(sentences: Sequence[str]) -> dict[str, list[str]]:
    """The warnings in a command's result, empty if there are none."""
    return {"warnings": list(sentences)} if sentences else {}


def printable(text: str) -> str:
    """The text on one line, without anything that a terminal might interpret."""
    return _obeyed_by_none(" ".join(text.split()))


def _obeyed_by_none(line: str) -> str:
    """Make a line that no terminal interprets. Characters that join the parts of an emoji or keep words together stay."""
    return "".join(character if character.isprintable() or character in _HARMLESS else "\N{REPLACEMENT CHARACTER}" for character in line)


def _move_thumbprint(arguments: Sequence[str]) -> list[str]:
    """Move a key's or certificate's thumbprint that begins with "-" to the end, after a "--", so that it isn't taken for an option."""
    found = [argument for argument in arguments if re.fullmatch(r"-[A-Za-z0-9_-]{42}", argument)]
    if len(found) != 1 or "--" in arguments:
        return list(arguments)
    return [*(argument for argument in arguments if argument != found[0]), "--", found[0]]


def _join_negative_values(arguments: Sequence[str]) -> list[str]:
    """Join --overlap -5h into one word, so that -5h is refused as a duration and not taken for an option."""
    joined: list[str] = []
    for argument in arguments:
        if re.match(r"-[0-9]", argument) and joined and re.fullmatch(r"--[a-z-]+", joined[-1]):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _refuse_undecodable(options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and re.search("[\0\ud800-\udfff]", text):
                raise ValidationError(f"The value of {name} isn't UTF-8 text or contains a NUL character. Type it again.", code="invalid_text")


def _system_user() -> str:
    try:
        # Not getpass.getuser(), which trusts LOGNAME.
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _explain(error: DatabaseError) -> str:
    if isinstance(error, IntegrityError):
        return "Somebody else made a change at the same moment, so nothing was written. Run the command again."
    if isinstance(error, ProgrammingError) or "no such" in str(error):
        return "The database isn't set up for this version. Run “make setup”."
    fault = find_fault(error)
    if fault is DAMAGED and connections["default"].vendor == "sqlite":
        return f"{connections['default'].settings_dict['NAME']} isn't a SQLite database, or it is damaged. Restore it from a backup."
    if fault is LOCKED:
        return "The database is locked by another process, so nothing was written. Run the command again in a moment."
    if fault is not None and fault not in (DAMAGED, NO_ANSWER, UNREACHABLE):
        return f"{fault.sentence} Nothing was written. {fault.fix}"
    return f"The database can't be reached ({str(error).splitlines()[0]}). Check DATABASE_URL and DATA_DIR, and that the database is running."
