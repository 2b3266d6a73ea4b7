"""manage.py check_audiences, hand_over_audience URI --workspace SLUG, and what prepare says of an upgrade."""

import json
import sqlite3
from contextlib import closing

import pytest

from clients.models import Audience, Client
from tests import factories

API = "https://api.example.com"


@pytest.fixture
def foreign(demo):
    """A client of another workspace that has demo's audience, as one may have from an earlier version."""
    other = factories.create_workspace("other", owner="eve@example.com")
    factories.create_client(demo, audiences=(API,))
    client = factories.create_client(other, name="eves").secret.client
    Client.objects.filter(pk=client.pk).update(audiences=[API, "https://localhost:8443/w/demo"], withheld_audiences=[API])
    return client


def test_another_workspaces_audience_is_listed_with_what_to_do(command, foreign):
    result = command("check_audiences", "--json").json
    assert result["foreign"] == [
        {"client_id": foreign.client_id, "workspace": "other", "audience": API, "belongs_to": "demo"},
        {"client_id": foreign.client_id, "workspace": "other", "audience": "https://localhost:8443/w/demo", "belongs_to": "demo"},
    ]
    taken, below = command("check_audiences").stdout.splitlines()
    assert taken.startswith(f"{foreign.client_id} (eves) of other has the audience {API}, which belongs to the workspace demo. No token is issued for it.")
    assert taken.endswith(f"manage.py hand_over_audience {API} --workspace other")
    assert below.endswith(f"manage.py update_client {foreign.client_id} --audience …")


def test_an_audience_of_the_instance_belongs_to_no_workspace(command, foreign):
    Client.objects.filter(pk=foreign.pk).update(audiences=["https://localhost:8443/api/v1"])
    assert "which belongs to this instance itself" in command("check_audiences").stdout


def test_it_says_if_everything_is_in_order(command, billing):
    assert command("check_audiences", "--json").json == {"foreign": []}
    assert command("check_audiences").stdout == "Every client's audiences belong to its workspace.\n"


def test_an_audience_is_handed_over(command, foreign):
    result = command("hand_over_audience", f"{API}/", "--workspace", "other", "--json").json
    assert result == {"audience": API, "workspace": "other", "previous": "demo", "clients_withheld": 1, "clients_released": 1}
    assert Audience.objects.get().workspace.slug == "other"
    [left, _] = command("check_audiences", "--json").json["foreign"]
    assert (left["workspace"], left["audience"], left["belongs_to"]) == ("demo", API, "other")


def test_invalid_values_are_refused(refused, demo):
    assert "no workspace" in refused("hand_over_audience", API, "--workspace", "nowhere")
    assert "address of this instance" in refused("hand_over_audience", "https://localhost:8443/w/demo", "--workspace", "demo")
    assert "isn't an audience" in refused("hand_over_audience", "api", "--workspace", "demo")


def test_prepare_names_them_at_each_start(command, foreign, settings, tmp_path, monkeypatch):
    settings.DATA_DIR, settings.STATIC_ROOT, settings.STATICFILES_DIRS = tmp_path, tmp_path / "static", []
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    warnings = command("prepare", "--json").json["warnings"]
    assert [line for line in warnings if foreign.client_id in line] == [f"Warning: {line}" for line in command("check_audiences").stdout.splitlines()]
    monkeypatch.setattr("dashboard.management.commands.prepare._MAX_LINES", 1)
    lines = command("prepare").stdout.splitlines()
    assert len([line for line in lines if foreign.client_id in line]) == 1
    assert "Warning: There are more such clients. List them all: .venv/bin/python manage.py check_audiences" in lines


# Three clients, whose IDs it prints, in a database as it was before.
CREATE = """
import json
from django.core.management import call_command
from clients.models import Client, Workspace
from tests import factories
demo, other = Workspace.objects.get(), factories.create_workspace("other", owner="eve@example.com")
made = [factories.create_client(of, name=name).secret.client.client_id for of, name in ((demo, "first"), (other, "second"), (other, "fine"))]
call_command("migrate", "clients", "0012", verbosity=0)
print(json.dumps(made))
"""


def test_an_upgrade_loses_nothing_and_gives_each_audience_to_the_workspace_whose_client_was_first(shell, prepared):
    made = shell("shell", "-v0", "-c", CREATE)
    assert made.returncode == 0, made.stderr
    ids = json.loads(made.stdout)
    lists = (
        [API, "https://localhost:8443/w/demo", "https://localhost:8443/w/other"],
        ["https://localhost:8443/w/demo", "https://API.example.com/", "https://own.example.com"],
        ["https://own.example.com", "https://[", "https://localhost:8443/w/other"],
    )
    with closing(sqlite3.connect(prepared / "tokenos.sqlite3")) as database, database:
        for uris, client_id in zip(lists, ids, strict=True):
            database.execute("UPDATE clients_client SET audiences = ? WHERE client_id = ?", (json.dumps(uris), client_id))
    said = shell("prepare")
    assert said.returncode == 0, said.stderr
    with closing(sqlite3.connect(prepared / "tokenos.sqlite3")) as database:
        rows = dict(database.execute("SELECT client_id, audiences FROM clients_client"))
        withheld = dict(database.execute("SELECT client_id, withheld_audiences FROM clients_client"))
        owners = set(database.execute("SELECT a.uri, w.slug FROM clients_audience a JOIN clients_workspace w ON w.id = a.workspace_id"))
    assert [json.loads(rows[one]) for one in ids] == list(lists)
    assert [json.loads(withheld[one]) for one in ids] == [[], ["https://API.example.com/"], []]
    assert owners == {(API, "demo"), ("https://own.example.com", "other"), ("https://[", "other")}
    named = [line for line in said.stdout.decode().splitlines() if "No token is issued for it" in line]
    assert len(named) == 3
    assert [ids[0] in named[0], ids[1] in named[1], ids[1] in named[2]] == [True, True, True]
