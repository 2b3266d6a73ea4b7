"""manage.py create_workspace SLUG [--name N] [--owner EMAIL]."""

import pytest

from clients.models import AuditEvent, Scope, Workspace
from dashboard.models import Membership, User
from tests import factories


def test_workspace_starts_with_its_scopes(command):
    assert command("create_workspace", "acme", "--json").json == {"workspace": "acme", "owner": None}
    assert Workspace.objects.get().name == "acme"
    assert set(Scope.objects.values_list("name", flat=True)) == {"read", "write", "clients:read", "clients:write"}
    assert not User.objects.exists()


def test_new_owner_can_sign_in_with_the_printed_password(command):
    result = command("create_workspace", "acme", "--name", "Acme GmbH", "--owner", " Ada@Example.com ", "--json").json
    assert (result["workspace"], result["owner"]) == ("acme", "ada@example.com")
    ada = User.objects.get()
    assert ada.check_password(result["owner_password"])
    assert not ada.is_staff
    assert Membership.objects.get().role == "owner"
    assert Workspace.objects.get().name == "Acme GmbH"


def test_existing_account_becomes_owner_and_keeps_its_password(command):
    ada = factories.create_user("ada@example.com")
    assert command("create_workspace", "acme", "--owner", "ada@example.com", "--json").json == {"workspace": "acme", "owner": "ada@example.com"}
    assert User.objects.get().password == ada.password
    assert Membership.objects.get().user == ada


def test_every_row_has_its_event(command):
    command("create_workspace", "acme", "--owner", "ada@example.com")
    assert list(AuditEvent.objects.order_by("pk").values_list("event", flat=True)) == ["workspace.created", "user.created", "member.added"]


def test_table_shows_the_password_once(command):
    text = command("create_workspace", "acme", "--owner", "ada@example.com").stdout
    assert "Owner password" in text
    assert text.endswith("Note the owner's password now: it can't be shown again.\nThe account can't open /admin/: only the instance's administrators can.\n")
    assert "assword" not in command("create_workspace", "acme2", "--owner", "ada@example.com").stdout


def test_workspace_without_an_owner_says_that_nobody_can_open_it_and_what_to_do(command):
    text = command("create_workspace", "acme").stdout
    assert text.endswith("Warning: Nobody can open acme in the dashboard. Give it an owner: .venv/bin/python manage.py create_workspace acme --owner EMAIL\n")
    assert "Warning" not in command("create_workspace", "acme2", "--owner", "ada@example.com").stdout


def test_second_run_gives_a_workspace_without_owners_its_owner(command):
    command("create_workspace", "acme", "--name", "Acme GmbH")
    result = command("create_workspace", "acme", "--owner", "ada@example.com", "--json").json
    assert (result["workspace"], result["owner"]) == ("acme", "ada@example.com")
    assert User.objects.get().check_password(result["owner_password"])
    member = Membership.objects.get()
    assert (member.user.email, member.role, member.workspace.name) == ("ada@example.com", "owner", "Acme GmbH")
    assert list(AuditEvent.objects.order_by("pk").values_list("event", flat=True)) == ["workspace.created", "user.created", "member.added"]


def test_member_of_a_workspace_without_owners_becomes_its_owner(command):
    acme = factories.create_workspace("acme")
    Membership.objects.create(workspace=acme, user=factories.create_user("ben@example.com"), role="viewer", created_at=acme.created_at)
    assert command("create_workspace", "acme", "--owner", "ben@example.com", "--json").json == {"workspace": "acme", "owner": "ben@example.com"}
    assert Membership.objects.get().role == "owner"
    assert AuditEvent.objects.order_by("pk").last().event == "member.role_changed"


def test_workspace_that_has_an_owner_gets_no_other_one_so(refused, demo):
    assert "The workspace demo already exists. Choose another slug." in refused("create_workspace", "demo", "--owner", "eve@example.com")


def test_second_run_without_an_owner_says_how_to_give_one(refused):
    factories.create_workspace("acme")
    hint = "The workspace acme already exists but has no owner. Give it one: .venv/bin/python manage.py create_workspace acme --owner EMAIL"
    assert hint in refused("create_workspace", "acme")


@pytest.mark.parametrize("slug", ["a", "1", "billing-team", "a" * 63])
def test_slug_has_up_to_63_letters_digits_and_inner_hyphens(command, slug):
    assert command("create_workspace", slug, "--json").json["workspace"] == slug


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["Acme"], "A slug has 1 to 63 lower-case letters"),
        (["acme corp"], "A slug has"),
        (["acme\n"], "A slug has"),
        (["acme-"], "A slug has"),
        (["a" * 64], "A slug has"),
        (["ä"], "A slug has"),
        ([""], "A slug has"),
        (["../../etc"], "A slug has"),
        (["a\udcffb"], "isn't UTF-8"),
        (["demo"], "The workspace demo already exists. Choose another slug."),
        (["acme", "--name", "x" * 101], "Use at most 100."),
        (["acme", "--owner", "ada"], "Use one such as ada@example.com."),
        (["acme", "--owner", ""], "can't be an account's email address"),
        (["acme", "--owner", "x" * 250 + "@example.com"], "can't be an account's email address"),
        (["acme", "--owner", "a\n@example.com"], "can't be an account's email address"),
        (["acme", "--owner", "a@example.com", "--owner", "b@example.com"], "--owner is given twice"),
        (["acme", "b"], "unrecognized arguments: b"),
        ([], "required: SLUG"),
    ],
)
def test_bad_value_is_refused_and_leaves_neither_workspace_nor_account(refused, demo, arguments, hint):
    assert hint in refused("create_workspace", *arguments)
