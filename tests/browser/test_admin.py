"""An operator at work in the admin, on a desk and on a phone."""

import os
from pathlib import Path

import pytest

from tests.browser.barriers import find_barriers, scrolls_sideways
from tests.browser.pages import make
from tests.browser.variants import mainly

ADD_CREDENTIALS = """
from clients.models import Client
from tests.dashboard.conftest import create_certificate, create_public_key, make_certificate
client = Client.objects.get(client_id="CLIENT")
create_public_key(client, kid="3JQO7ayoLQiDbbgA8p5T7zPwHxqfhx50MGIdwg9-Dfg", name="nightly build")
create_certificate(client, make_certificate("billing-sync.production.example.com,OU=Payments,O=Example"), name="production")
"""
PASSWORD = "correct-horse-battery"
SCREENSHOTS = os.environ.get("SCREENSHOTS")


@pytest.fixture(scope="module")
def operator(server):
    """The instance's administrator."""
    make(server, "create_owners", ["olga-operator"])
    return "olga-operator"


@pytest.fixture
def client(server):
    return server.manage("create_client", "--workspace", "demo", "--name", "billing-sync", "--scope", "read write")


@pytest.fixture
def look(request):
    """If SCREENSHOTS names a folder, the test saves what it saw there."""

    def look(page, name):
        if SCREENSHOTS:
            page.screenshot(path=Path(SCREENSHOTS) / f"{name}-{page.viewport_size['width']}.png", full_page=True)

    return look


def sign_in(page, person):
    page.get_by_label("Email", exact=True).fill(f"{person}@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()


def get_token(server, client):
    return server.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=(client["client_id"], client["client_secret"])).status_code


@pytest.mark.parametrize("width", mainly(1280, 390))
def test_an_operator_finds_a_client_and_disables_it(server, visit, operator, client, look, width):
    watched = visit(width)
    page = watched.page
    page.goto("/admin/")
    look(page, "sign-in")
    assert find_barriers(page) == []
    sign_in(page, operator)
    page.wait_for_url("**/admin/")
    assert page.title() == "Instance · TokenOS"
    look(page, "index")

    page.locator("#content-main").get_by_role("link", name="Clients", exact=True).last.click()
    page.locator("#searchbar").fill(client["client_id"])
    page.get_by_role("button", name="Search").click()
    assert "1 client" in page.locator(".paginator").inner_text()
    look(page, "clients")
    page.get_by_role("link", name="billing-sync").click()
    look(page, "client")

    assert get_token(server, client) == 200
    page.get_by_role("button", name="Disable…").click()
    assert "all its tokens stop working at once" in page.locator("#content").inner_text()
    look(page, "confirmation")
    assert find_barriers(page) == []
    assert not scrolls_sideways(page, width)
    assert get_token(server, client) == 200
    page.get_by_role("button", name="Disable", exact=True).click()
    assert "Disabled: 1." in page.locator(".messagelist").inner_text()
    look(page, "disabled")
    assert get_token(server, client) == 401

    assert watched.complaints == []


def test_an_action_is_chosen_in_the_list(visit, operator, client, look):
    watched = visit(person=operator)
    page = watched.page
    page.goto("/admin/clients/clientsecret/")
    page.locator(f"tr:has-text('{client['secret_id']}') input.action-select").check()
    page.locator("select[name=action]").select_option(label="Revoke…")
    page.get_by_role("button", name="Go").click()
    assert "has no other usable secret" in page.locator("#content").inner_text()
    look(page, "revoke")
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url("**/admin/clients/clientsecret/")
    assert watched.complaints == []


@pytest.mark.parametrize(("width", "scheme"), mainly((390, "light"), (1280, "dark")))
def test_a_public_key_and_a_certificate_fit_the_screen_and_can_be_revoked(server, visit, operator, client, look, width, scheme):
    done = server.fork("shell", "--no-imports", "-c", ADD_CREDENTIALS.replace("CLIENT", client["client_id"]))
    assert done.returncode == 0, done.stderr
    watched = visit(width, operator, color_scheme=scheme)
    page = watched.page
    for kind in ("clientpublickey", "clientcertificate"):
        page.goto(f"/admin/clients/{kind}/?q={client['client_id']}")
        look(page, f"{kind}-list-{scheme}")
        assert not scrolls_sideways(page, width)
        page.locator("#result_list th a").click()
        look(page, f"{kind}-{scheme}")
        assert not scrolls_sideways(page, width)
        page.get_by_role("button", name="Revoke…").click()
        look(page, f"{kind}-revoke-{scheme}")
        assert not scrolls_sideways(page, width)
        page.get_by_role("button", name="Revoke", exact=True).click()
        assert "Revoked: 1." in page.locator(".messagelist").inner_text()
    assert watched.complaints == []
