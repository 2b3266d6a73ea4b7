"""Single sign-on at a real OpenID provider, over real TLS: first sign-in, groups, “only SSO”, and a provider that is down."""

import re
import time

import pytest

from tests.servers.database import query
from tests.servers.single_sign_on import ACCOUNTS, CLIENT_SECRET, NAME, SingleSignOn, Visitor, single_sign_on
from tests.servers.test_interoperability import javascript

__all__ = ["javascript", "single_sign_on"]

MEMBERS = "/w/demo/members/"


@pytest.fixture
def visitor(single_sign_on: SingleSignOn) -> Visitor:
    visitor = single_sign_on.visitor()
    visitor.open(f"/accounts/sign-in/?next={MEMBERS}")
    return visitor


def heading(visitor: Visitor) -> str:
    found = re.search(r"<h1[^>]*>\s*(.*?)\s*</h1>", visitor.page.text, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_first_sign_in_makes_an_account_with_the_role_of_its_group(single_sign_on: SingleSignOn, visitor: Visitor) -> None:
    page = visitor.sign_in_there("grace")
    assert page.url == single_sign_on.server.url + MEMBERS
    assert page.status_code == 200
    assert "Grace Hopper" in page.text
    rows = query(
        single_sign_on.server,
        "SELECT role, came_by_sso FROM dashboard_membership m JOIN dashboard_user u ON u.id = m.user_id WHERE u.email = 'grace@example.com'",
    )
    assert rows == [("developer", 1)]


def test_the_next_one_finds_it_again_and_follows_the_groups(single_sign_on: SingleSignOn, visitor: Visitor) -> None:
    visitor.sign_in_there("grace")
    single_sign_on.provider.accounts["grace"]["groups"] = ["bosses"]
    single_sign_on.provider.write_accounts()
    again = single_sign_on.visitor()
    again.open("/accounts/sign-in/")
    again.sign_in_there("grace")
    rows = query(
        single_sign_on.server, "SELECT COUNT(*), MAX(role) FROM dashboard_membership m JOIN dashboard_user u ON u.id = m.user_id WHERE u.email LIKE 'grace%%'"
    )
    single_sign_on.provider.accounts["grace"]["groups"] = ["devs"]
    single_sign_on.provider.write_accounts()
    assert rows == [(1, "owner")]


def test_a_person_who_is_not_verified_there_is_refused(visitor: Visitor) -> None:
    page = visitor.sign_in_there("mallory")
    assert page.status_code == 403
    assert heading(visitor) == f"{NAME} hasn’t verified your email address"
    assert visitor.open(MEMBERS).url.partition("?")[0].endswith("/accounts/sign-in/")


def test_a_person_who_cancels_there_is_told_so(visitor: Visitor) -> None:
    visitor.submit(f"Sign in with {NAME}")
    visitor.open(visitor.page.headers["Refresh"].partition("url=")[2])
    cancel = re.search(r'href="([^"]*/abort)"', visitor.page.text)
    assert cancel is not None, visitor.page.text
    assert visitor.open(visitor.page.url.partition("?")[0].rstrip("/") + "/abort").status_code == 403
    assert heading(visitor) == f"You weren’t signed in by {NAME}"


def test_a_workspace_that_opens_by_single_sign_on_only(single_sign_on: SingleSignOn, visitor: Visitor) -> None:
    server = single_sign_on.server
    created = server.manage("create_workspace", "sealed", "--owner", "ada@example.com")
    demand = "INSERT INTO dashboard_accesspolicy (workspace_id, requires_sso, requires_second_factor, live_clients_from)"
    query(server, f"{demand} SELECT id, 1, 0, 'developer' FROM clients_workspace WHERE slug = 'sealed'")
    visitor.submit("Continue", login="ada@example.com", password=created["owner_password"])
    assert visitor.open("/w/sealed/members/").status_code == 403
    assert heading(visitor) == f"sealed can be opened only with {NAME}"
    assert server.manage("allow_passwords", "sealed") == {"workspace": "sealed", "changed": True, "members": []}
    assert visitor.open("/w/sealed/members/").status_code == 200


def test_a_provider_that_is_down_is_reported_and_comes_back(single_sign_on: SingleSignOn, visitor: Visitor) -> None:
    single_sign_on.provider.stop()
    try:
        last = time.monotonic() + 10
        visitor.submit(f"Sign in with {NAME}")
        # The provider's endpoint is cached for 5 seconds.
        while visitor.page.status_code == 200 and time.monotonic() < last:
            time.sleep(0.5)
            visitor.open(f"/accounts/sso/?next={MEMBERS}")
            visitor.submit(f"Sign in with {NAME}")
        assert visitor.page.status_code == 502
        assert heading(visitor) == f"Signing in with {NAME} doesn’t work right now"
        assert visitor.page.headers["X-Request-Id"] in visitor.page.text
    finally:
        single_sign_on.provider.start()
    visitor.open(f"/accounts/sso/?next={MEMBERS}")
    assert visitor.sign_in_there("grace").url.endswith(MEMBERS)


def test_no_code_token_or_secret_is_in_log_or_database(single_sign_on: SingleSignOn, visitor: Visitor) -> None:
    visitor.sign_in_there("grace")
    server = single_sign_on.server
    stored = b"".join(file.read_bytes() for file in server.data_dir.glob("tokenos.sqlite3*"))
    log = server.log.read_text()
    assert CLIENT_SECRET.encode() not in stored
    assert CLIENT_SECRET not in log
    assert "code=" not in log
    assert re.search(rb"eyJ[\w-]+\.eyJ", stored) is None
    assert re.search(r"eyJ[\w-]+\.eyJ", log) is None
    assert "Traceback" not in log
    assert ACCOUNTS["grace"]["email"].encode() in stored
