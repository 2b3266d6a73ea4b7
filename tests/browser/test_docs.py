"""The docs of a workspace, in a real browser: a reader chooses a client, and what is copied from any page runs as it stands."""

import subprocess

import pytest

from tests.browser.hands import BOTH, WAYS
from tests.browser.pages import make


@pytest.fixture(scope="module")
def programs(server):
    make(server, "create_owners", [f"reader-{way}" for way in WAYS])
    return {way: server.manage("create_client", "--workspace", f"reader-{way}", "--name", "billing-sync", "--scope", "read") for way in WAYS}


@pytest.mark.parametrize("way", BOTH)
def test_an_example_with_the_values_of_the_chosen_client_gets_a_token(enter, server, programs, way):
    hand, program = enter(way, f"reader-{way}"), programs[way]
    hand.page.goto(f"/w/reader-{way}/docs/")
    hand.write("Client in the examples", program["client_id"])
    hand.press("Show")
    hand.page.wait_for_url("**client=**")
    hand.press("Quick start")
    hand.page.get_by_role("heading", level=1, name="Quick start").wait_for()
    example = hand.page.locator("pre code").filter(has_text=f"{program['client_id']}:$TOKENOS_CLIENT_SECRET").first.inner_text()
    environment = {"PATH": "/usr/bin:/bin", "TOKENOS_CLIENT_SECRET": program["client_secret"]}
    done = subprocess.run(["bash", "-c", example], cwd=server.data_dir.parent, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert '"access_token"' in done.stdout, done.stderr
