"""A client is handed over by a link: the receiver takes the secret, or registers a key, without an account."""

import re

import pytest

from tests.browser.hands import BOTH, WAYS
from tests.browser.pages import make
from tests.servers.program import Program


@pytest.fixture(scope="module", autouse=True)
def clients(server):
    """By the way in which somebody goes there, for each its own workspace."""
    make(server, "create_owners", [f"giver-{way}" for way in WAYS])
    methods = ["--auth-method", "client_secret_basic", "--auth-method", "private_key_jwt"]
    return {way: server.manage("create_client", "--workspace", f"giver-{way}", "--name", "billing-sync", *methods)["client_id"] for way in WAYS}


def make_link(hand, way, clients):
    hand.page.goto(f"/w/giver-{way}/clients/{clients[way]}/hand-over/")
    hand.write("For whom optional", "Jonas")
    hand.tick("7 days")
    hand.press("Make link and show it")
    hand.page.get_by_role("heading", name="Copy the link now").wait_for()
    return hand.page.locator("#link").inner_text()


@pytest.mark.parametrize("way", BOTH)
def test_the_link_makes_a_secret_that_works_and_then_leads_nowhere(enter, server, clients, way):
    ada, jonas = enter(way, f"giver-{way}"), enter(way)
    link = make_link(ada, way, clients)
    jonas.page.goto(link)
    jonas.page.get_by_role("heading", name="Take over billing-sync").wait_for()
    assert link.split("/")[-2] not in jonas.page.content()
    jonas.press("Make the secret and show it")
    jonas.page.get_by_role("heading", name="Save the secret now").wait_for()
    secret = re.sub(r"\s", "", jonas.page.locator("#once-secret").inner_text())
    answer = server.post("/oauth2/token", auth=(clients[way], secret), data={"grant_type": "client_credentials"})
    assert answer.status_code == 200, answer.text

    again = jonas.page.context.new_page()
    assert again.goto(link).status == 404
    ada.press("See all links")
    ada.page.get_by_text("Used").first.wait_for()


def test_a_public_key_is_given_instead(enter, server, clients, tmp_path):
    program = Program().save(tmp_path)
    ada, jonas = enter("phone", "giver-phone"), enter("phone")
    jonas.page.goto(make_link(ada, "phone", clients))
    jonas.press("Use a key pair of your own instead")
    jonas.write("Public key", program.public_key.read_text())
    jonas.press("Register public key")
    jonas.page.get_by_role("heading", name="Your key is registered").wait_for()
    kid = jonas.page.locator("dl code").nth(1).inner_text()
    form = program.assertion(clients["phone"], server.url, kid=kid)
    assert server.post("/oauth2/token", data=form).status_code == 200
