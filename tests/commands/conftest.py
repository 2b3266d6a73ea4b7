"""Running a command as the shell does, and holding it to what every command promises."""

import io
import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.core.management import get_commands, load_command_class

from tests import factories


@dataclass(frozen=True)
class Outcome:
    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        """Exactly one JSON object and nothing else."""
        assert (self.status, self.stderr) == (0, "")
        value = json.loads(self.stdout)
        assert isinstance(value, dict)
        return value


def _run(name, *arguments) -> Outcome:
    stdout, stderr = io.StringIO(), io.StringIO()
    command = load_command_class(get_commands()[name], name)
    command.stdout._out, command.stderr._out = stdout, stderr
    try:
        command.run_from_argv(["manage.py", name, *arguments])
    except SystemExit as error:
        return Outcome(error.code, stdout.getvalue(), stderr.getvalue())
    return Outcome(0, stdout.getvalue(), stderr.getvalue())


@pytest.fixture
def command(transactional_db):
    return _run


def _rows():
    return {
        model._meta.label: list(model.objects.order_by("pk").values_list())
        for label in ("clients", "oauth", "dashboard")
        for model in apps.get_app_config(label).get_models()
    }


@pytest.fixture
def refused(command):
    """Run a command that must fail with one line, exit status 1 and no trace in the database. Return the line."""

    def run(*arguments):
        before = _rows()
        outcome = command(*arguments)
        assert outcome.status == 1
        assert outcome.stdout == ""
        assert outcome.stderr.endswith("\n")
        assert outcome.stderr.count("\n") == 1
        assert _rows() == before
        return outcome.stderr.strip()

    return run


@pytest.fixture
def demo(command):
    return factories.create_workspace("demo", owner="ada@example.com")


@pytest.fixture
def billing(demo):
    return factories.create_client(demo)
