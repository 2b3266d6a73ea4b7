"""People choose their own names: nobody can pass for a colleague on a page that says who did something."""

import pytest
from django.utils import timezone

from clients.models import AuditEvent, Client
from dashboard.models import Membership, User
from dashboard.people.names import tell_apart
from tests import factories
from tests.dashboard.conftest import Browser, sign_in


@pytest.fixture
def call():
    """Each person sets their own name on its page."""

    def call(user, name):
        own = Browser()
        sign_in(user, own)
        assert own.post("/accounts/profile/", {"name": name}).status_code == 302
        return own

    return call


@pytest.mark.parametrize(
    "name",
    [
        *("Ada Lovelace", "ada lovelace", "Ada  Lovelace.", "Adà Lovelace", "Ada Love1ace", "Аda Lovelace", "Adɑ Lovelace", "ᴀda Lovelace", "ada@example.com"),
        *("Ada Łovelace", "Ađa Løvelace", "Ada Love|ace", "Ada Love!ace", "ada＠example.com", "ada﹫example.com", "TokenOS", "T0kenOS"),
        *("Comrnands", "A command", "Hand-over links", "Unknown", "Somebody with the link", "root", "System"),
    ],
)
def test_a_name_that_equals_a_colleagues_is_shown_with_the_address(ada, dana, name):
    ada.name, dana.name = "Ada Lovelace", name
    assert tell_apart([ada, dana])[dana.pk] == f"{name} (dana@example.com)"


@pytest.mark.parametrize(("of_ada", "name"), [("Mario Rossi", "Rnario Rossi"), ("Will Smith", "VVill Smith"), ("Vivian", "VivÏan")])
def test_so_is_a_name_whose_letters_look_like_others(ada, dana, of_ada, name):
    ada.name, dana.name = of_ada, name
    assert tell_apart([ada, dana])[dana.pk] == f"{name} (dana@example.com)"


def test_whose_name_looks_like_a_colleague_s_address_is_shown_with_the_own_one(ada, dana):
    dana.name = "ada example com"
    assert tell_apart([ada, dana]) == {ada.pk: "ada@example.com", dana.pk: "ada example com (dana@example.com)"}


def test_other_names_and_addresses_are_shown_alone(ada, dana):
    ada.name = "Ada Lovelace"
    assert tell_apart([ada, dana]) == {ada.pk: "Ada Lovelace", dana.pk: "dana@example.com"}


@pytest.mark.parametrize("name", ["Søren Łukasz-Ünal", "Nguyễn Văn An", "Conan O’Brien (on call, 2nd)", "ops_team", "R&D"])
def test_so_do_names_as_people_have_them(ada, dana, name):
    dana.name = name
    assert tell_apart([ada, dana])[dana.pk] == name


def test_log_and_its_filter_tell_two_people_of_one_name_apart(call, demo, ada, dana):
    adas = call(ada, "Ada Lovelace")
    call(dana, "Ada Lovelace").post("/w/demo/leak/", {"leaked_secret": "nothing"})
    page = adas.get("/w/demo/audit/").content.decode()
    assert "<bdi>Ada Lovelace (dana@example.com)</bdi>" in page
    assert ">Ada Lovelace (dana@example.com)</option>" in page
    assert ">Ada Lovelace (ada@example.com)</option>" in page


def test_nobody_has_the_name_of_a_system_user_whose_commands_stand_beside(call, demo, ada, dana):
    call(dana, "deploy").post("/w/demo/leak/", {"leaked_secret": "nothing"})
    AuditEvent.objects.create(workspace=demo, workspace_slug="demo", event="client.created", actor="command:deploy", created_at=timezone.now())
    page = call(ada, "Ada").get("/w/demo/audit/").content.decode()
    assert "<bdi>deploy (dana@example.com)</bdi>" in page
    assert "<bdi>deploy</bdi>" in page


def test_people_who_made_a_client_are_told_apart_too(call, demo, ada, dana):
    adas = call(ada, "Ada Lovelace")
    call(dana, "Ada Lovelace")
    client = factories.create_client(demo).secret.client
    Client.objects.update(created_by=dana.audit_name)
    assert "Ada Lovelace (dana@example.com)" in adas.get(f"/w/demo/clients/{client.client_id}/").content.decode()


def test_a_new_name_stands_in_the_log_of_each_workspace_of_that_person(call, demo, dana):
    other = factories.create_workspace("other")
    factories.add_member(other, dana, Membership.Role.VIEWER)
    call(dana, "Olga")
    renamed = AuditEvent.objects.filter(event="member.renamed").order_by("workspace__slug")
    assert [(event.workspace, event.target_id, event.before, event.after) for event in renamed] == [
        (workspace, dana.audit_name, {"name": ""}, {"name": "Olga"}) for workspace in (demo, other)
    ]
    assert User.objects.get(pk=dana.pk).name == "Olga"
