"""/w/<workspace>/start/: the next step, until there is a client."""

import pytest
from allauth.mfa.models import Authenticator

from dashboard.models import Membership
from dashboard.workspaces.first_start import DEMO_CLIENT
from tests import factories
from tests.dashboard.conftest import text_of

START = "/w/demo/start/"


def lands_on(browser):
    return browser.get("/w/demo/")["Location"]


def test_workspace_begins_there_until_it_has_a_client_of_its_own(adas, demo):
    assert lands_on(adas) == START
    factories.create_client(demo, name=DEMO_CLIENT)
    assert lands_on(adas) == START
    factories.create_client(demo)
    assert lands_on(adas) == "/w/demo/clients/"


def test_a_client_of_that_name_elsewhere_is_no_demo_client(eves, other):
    factories.create_client(other, name=DEMO_CLIENT)
    assert eves.get("/w/other/")["Location"] == "/w/other/clients/"
    assert "Look at the demo client" not in text_of(eves.get("/w/other/start/"))


def test_page_has_three_steps_and_the_terminal_way(adas, demo):
    client = factories.create_client(demo, name=DEMO_CLIENT).secret.client
    page = adas.get(START)
    text = text_of(page)
    assert "Get your first token Three steps, about two minutes." in text
    assert "Create your first client" in text
    assert f'href="/w/demo/clients/{client.client_id}/"' in page.content.decode()
    assert "https://localhost:8443/oauth2/token" in text
    assert "--workspace demo" in text


def test_viewer_sees_who_can_create_one(bens, demo):
    factories.add_member(demo, factories.create_user("dana@example.com"), Membership.Role.DEVELOPER)
    text = text_of(bens.get(START))
    assert "No clients yet. Developers and admins can create one: ada@example.com, dana@example.com." in text
    assert "Create your first client" not in text
    assert "An owner can" in text


@pytest.mark.parametrize("has_passkey", [False, True])
@pytest.mark.parametrize("has_second_owner", [False, True])
def test_finished_steps_disappear_from_the_list(adas, ada, demo, has_passkey, has_second_owner):
    if has_passkey:
        Authenticator.objects.create(user=ada, type=Authenticator.Type.WEBAUTHN, data={"name": "Laptop", "credential": {}})
    if has_second_owner:
        factories.add_member(demo, factories.create_user("olga@example.com"), Membership.Role.OWNER)
    page = adas.get(START)
    text = text_of(page)
    assert ("<b>Add a passkey</b>" in page.content.decode()) == (not has_passkey)
    assert ("Invite a second owner" in text) == (not has_second_owner)
    assert ("Before you go live" in text) == (not (has_passkey and has_second_owner))
