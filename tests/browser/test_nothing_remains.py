"""Secrets are made, taken over, looked up and tested in a browser that keeps what browsers keep, and nothing of them is there when it is closed."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from redis import Redis as RedisClient

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.hands import Pointer
from tests.browser.leaks import Watch
from tests.browser.pages import make, sign_in
from tests.ports import free_port
from tests.public_keys import PrivateFormat, private_pem
from tests.servers.conftest import Server
from tests.servers.stores import Redis, missing
from tests.servers.traces import find

WORKSPACE = "/w/ada"
LEAKED = "Leaked secret, access token, client ID or key ID"


@dataclass
class Visit:
    """shown: the secrets that pages showed and tokens that programs got, by what they are. profile: the folder of the browser."""

    profile: Path
    shown: dict[str, str] = field(default_factory=dict)
    token: str = ""

    @property
    def needles(self) -> dict[str, bytes]:
        return {name: text[-30:-10].encode() for name, text in self.shown.items()}


# Each other module checks that answers with a secret forbid to keep it (leaks.py). Here a whole browser does as they say, which takes it twenty seconds.
pytestmark = pytest.mark.variant


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    store = Redis(tmp_path_factory.mktemp("redis"), free_port())
    store.start()
    yield store
    store.stop()


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server], redis: Redis) -> Server:
    made = make_server(CACHE_URL=redis.url)
    make(made, "create_owners", ["ada"])
    return made


def keep(page: Page) -> str:
    page.get_by_role("heading", name="Save the secret now").wait_for()
    page.get_by_label("I have saved the secret").check()
    return re.sub(r"\s", "", page.locator("#once-secret").inner_text())


def create(hand: Pointer) -> tuple[str, str]:
    hand.page.goto(f"{WORKSPACE}/clients/new/")
    hand.write("Name", "billing-sync")
    hand.tick("Read what the service offers.")
    hand.press("Create client and show secret")
    secret, client_id = keep(hand.page), hand.page.locator("#once-id").inner_text()
    hand.press("Copy secret")
    hand.page.reload()
    hand.page.get_by_text("can’t be shown again").wait_for()
    return client_id, secret


def rotate(hand: Pointer, client_id: str) -> str:
    hand.page.goto(f"{WORKSPACE}/clients/{client_id}/rotate/")
    hand.press("Rotate and show new secret")
    secret = keep(hand.page)
    hand.press("Continue to client")
    return secret


def take_over(hand: Pointer, client_id: str) -> str:
    hand.page.goto(f"{WORKSPACE}/clients/{client_id}/hand-over/")
    hand.press("Make link and show it")
    hand.page.get_by_role("heading", name="Copy the link now").wait_for()
    hand.page.goto(hand.page.locator("#link").inner_text())
    hand.press("Make the secret and show it")
    return keep(hand.page)


def paste_everywhere(hand: Pointer, visit: Visit, server: Server, client_id: str) -> None:
    """Where it belongs, and where people put it by mistake."""
    first, second, third = (visit.shown[name] for name in ("made", "rotated", "handed over"))
    for field_path, label, button, text in (
        ("/leak/", LEAKED, "Look it up", f"{first} {visit.token}\n{visit.shown['private key']}"),
        ("/explain/", "What your program sends", "Test it", f"curl -u {client_id}:{second} {server.url}/oauth2/token -d grant_type=client_credentials"),
        ("/explain/", "Request ID", "Find it", third),
    ):
        hand.page.goto(WORKSPACE + field_path)
        hand.write(label, text)
        with hand.page.expect_navigation():
            hand.press(button)
    hand.page.goto(f"{WORKSPACE}/clients/")
    hand.page.get_by_role("searchbox").fill(first)
    hand.page.get_by_role("alert").get_by_text("That looks like a secret. It was not sent.").wait_for()


@pytest.fixture(scope="module")
def visit(chromium: Browser, server: Server, watch: Watch, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """A window that is open as long as it takes, and then closed."""
    if CHROMIUM is None:
        missing("Chromium", install="apt install chromium")
    visit = Visit(tmp_path_factory.mktemp("profile"))
    context = chromium.browser_type.launch_persistent_context(
        visit.profile, executable_path=CHROMIUM, args=ARGUMENTS, base_url=server.url, ignore_https_errors=True
    )
    watch.follow(context)
    hand = Pointer(context.pages[0])
    hand.page.set_default_timeout(10_000)
    sign_in(hand.page, "ada")
    client_id, visit.shown["made"] = create(hand)
    answer = server.post("/oauth2/token", auth=(client_id, visit.shown["made"]), data={"grant_type": "client_credentials"})
    visit.token = visit.shown["token"] = answer.json()["access_token"]
    visit.shown["rotated"] = rotate(hand, client_id)
    visit.shown["handed over"] = take_over(hand, client_id)
    visit.shown["private key"] = private_pem("P-256", PrivateFormat.PKCS8).rpartition("\n-----END")[0]
    paste_everywhere(hand, visit, server, client_id)
    time.sleep(3)  # what a browser keeps it writes every few seconds
    context.close()
    return visit


def read_profile(visit: Visit) -> dict[str, bytes]:
    return {str(file.relative_to(visit.profile)): file.read_bytes() for file in visit.profile.rglob("*") if file.is_file()}


def test_the_browser_keeps_none_in_its_history_cache_or_storage(visit: Visit) -> None:
    kept = read_profile(visit)
    # Else it would show nothing: both the history and what is opened again after a restart know where somebody was.
    assert any(b"/explain/" in content for name, content in kept.items() if name.endswith("/History"))
    assert any(b"/explain/" in content for name, content in kept.items() if "/Sessions/Session_" in name)
    assert find(visit.needles, kept) == set()


def test_redis_keeps_none(visit: Visit, redis: Redis) -> None:
    client = RedisClient.from_url(redis.url)
    kept = {key.decode("latin-1"): key + (client.dump(key) or b"") for key in client.scan_iter()}
    assert find(visit.needles, kept) == set()
