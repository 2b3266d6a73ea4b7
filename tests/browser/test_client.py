"""Watching a client and explaining what went wrong, in a real browser: on a phone, by the keyboard alone, and without JavaScript."""

import pytest

from tests.browser.hands import BOTH, MAINLY_SCRIPTLESS, WAYS
from tests.browser.pages import make, wait_until_counted


@pytest.fixture(scope="module")
def programs(server):
    """A client in its own workspace for each way, with what its program knows."""
    make(server, "create_owners", [f"watcher-{way}" for way in WAYS])
    return {way: server.manage("create_client", "--workspace", f"watcher-{way}", "--name", "billing-sync", "--scope", "read") for way in WAYS}


def ask(server, program, **changes):
    """Ask for a token as the program does. Returns the answer."""
    sent = {"auth": (program["client_id"], program["client_secret"]), "data": {"grant_type": "client_credentials"}, **changes}
    return server.post("/oauth2/token", **sent)


@pytest.fixture
def ada(enter, programs):
    """Signed in, in one of the ways: her hand, and her workspace."""

    def ada(way):
        return enter(way, f"watcher-{way}"), f"/w/watcher-{way}/", programs[way]

    return ada


@pytest.mark.parametrize("way", BOTH)
def test_a_refused_request_is_found_by_its_id_and_explained_with_what_to_do(server, ada, way):
    hand, workspace, program = ada(way)
    refused = ask(server, program, data={"grant_type": "client_credentials", "scope": "admin"})
    assert refused.status_code == 400
    hand.page.goto(f"{workspace}explain/")
    hand.write("Request ID", f"X-Request-Id: {refused.headers['X-Request-Id']}")
    hand.press("Find it")
    hand.page.get_by_text("This client doesn’t have admin.").wait_for()
    assert refused.headers["X-Request-Id"] in hand.page.url
    hand.press("Show all of it")
    facts = hand.page.locator("dl.facts").inner_text()
    assert refused.headers["X-Request-Id"] in facts
    assert "scope_not_allowed" in facts
    hand.press("All requests of billing-sync")
    hand.page.wait_for_url("**/requests/")
    assert hand.page.get_by_role("row").filter(has_text="invalid_scope").count() >= 1
    hand.press("Add it")
    hand.page.wait_for_url("**/settings/")


@pytest.mark.parametrize("way", BOTH)
def test_what_a_program_sends_is_tested_and_never_shown_again(server, ada, way):
    hand, workspace, program = ada(way)
    client_id, secret = program["client_id"], program["client_secret"]
    command = f"curl -u {client_id}:{{}} {server.url}/oauth2/token -d grant_type=client_credentials"
    hand.page.goto(f"{workspace}explain/")
    hand.write("What your program sends", command.format(secret[:-3]))
    hand.press("Test it")
    verdict = hand.page.get_by_role("region", name="This is refused")
    verdict.wait_for()
    assert "The secret’s checksum is wrong. The secret was cut off or mistyped." in verdict.inner_text()
    assert secret[:-3] not in hand.page.content()
    assert hand.page.get_by_label("What your program sends").input_value() == ""
    hand.write("What your program sends", command.format(secret))
    hand.press("Test it")
    verdict = hand.page.get_by_role("region", name="This works")
    verdict.wait_for()
    assert "billing-sync" in verdict.inner_text()
    if way != "scriptless":
        assert hand.page.evaluate("document.activeElement.textContent.trim()") == "This works"


@pytest.mark.parametrize("way", ["phone"])
def test_a_new_request_appears_on_the_open_page(server, ada, way):
    hand, workspace, program = ada(way)
    hand.page.clock.install()
    hand.page.goto(f"{workspace}clients/{program['client_id']}/")
    latest = hand.page.get_by_role("region", name="Latest requests")
    before = latest.get_by_text("Token issued").count()
    counted = server.count_usage(program["client_id"])
    assert ask(server, program).status_code == 200
    wait_until_counted(server, program["client_id"], counted + 1)
    # The page asks every ten seconds.
    hand.page.clock.fast_forward("00:10")
    latest.get_by_text("Token issued").nth(before).wait_for(timeout=20_000)


@pytest.mark.parametrize("way", MAINLY_SCRIPTLESS)
def test_the_requests_are_filtered(server, ada, way):
    hand, workspace, program = ada(way)
    assert ask(server, program, data={"grant_type": "client_credentials", "scope": "nothing"}).status_code == 400
    hand.page.goto(f"{workspace}clients/{program['client_id']}/")
    hand.press("Requests")
    hand.page.wait_for_url("**/requests/")
    hand.choose("Result", "Granted")
    if way == "scriptless":
        hand.press("Apply")
    hand.page.wait_for_url("**/requests/?result=granted**")
    hand.page.get_by_text("invalid_scope").first.wait_for(state="detached")


@pytest.mark.parametrize("way", ["keyboard"])
def test_during_a_rotation_the_page_says_who_still_uses_the_old_secret(server, ada, way):
    hand, workspace, program = ada(way)
    old = program["secret_id"]
    server.manage("rotate_secret", program["client_id"])
    assert ask(server, program).status_code == 200
    hand.page.goto(f"{workspace}clients/{program['client_id']}/")
    hand.page.get_by_role("heading", name="Rotation in progress").wait_for()
    note = hand.page.get_by_text("One place still uses the old secret.")
    for _ in range(20):
        # The server writes what was used every two seconds.
        if note.count():
            break
        hand.page.wait_for_timeout(500)
        hand.page.reload()
    assert "127.0.0.1" in note.locator("..").inner_text()
    assert old in hand.page.locator(".life").inner_text()
    hand.press(f"Extend overlap of secret {old}")
    hand.page.wait_for_url("**/extend/")
