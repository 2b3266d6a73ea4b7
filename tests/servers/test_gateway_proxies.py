"""Behind Caddy, Traefik and Envoy, set up as in the docs pages, an API learns the caller only from TokenOS, even if the caller forges headers."""

import itertools
import platform
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.oauth.proofs import new_key
from tests.servers.conftest import Server
from tests.servers.gateway_proxies import AUDIENCE, HOST, Site, serving

NAMES = ("X-TokenOS-Client-Id", "X-TokenOS-Workspace", "X-TokenOS-Scopes", "X-TokenOS-Environment")


@pytest.fixture(scope="module")
def tokenos(proxied: Server) -> Server:
    return proxied


@pytest.fixture(scope="module")
def client(tokenos: Server) -> dict[str, Any]:
    arguments = ("--workspace", "demo", "--name", "sample", "--scope", "read", "--audience", AUDIENCE)
    made: dict[str, Any] = tokenos.manage("create_client", *arguments)
    return made


@pytest.fixture(scope="module")
def other(tokenos: Server) -> dict[str, Any]:
    tokenos.manage("create_workspace", "other", "--name", "Other")
    made: dict[str, Any] = tokenos.manage("create_client", "--workspace", "other", "--name", "eve", "--scope", "read")
    return made


@pytest.fixture(scope="module", params=["caddy", "traefik", "envoy"])
def site(request: pytest.FixtureRequest, tokenos: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if platform.machine() != "x86_64":
        pytest.skip("The packages that bring these programs have none for this machine")
    with serving(request.param, tokenos, tmp_path_factory.mktemp(request.param)) as site:
        yield site


def spellings(name: str) -> list[str]:
    """Each that WSGI takes for the same name, but for the name itself."""
    parts = name.split("-")
    marks = itertools.product("-_", repeat=len(parts) - 1)
    return ["".join(itertools.chain(*zip(parts, (*chosen, ""), strict=True))) for chosen in marks if "_" in chosen]


def seen(client: dict[str, Any]) -> dict[str, str]:
    return {
        "HTTP_X_TOKENOS_CLIENT_ID": client["client_id"],
        "HTTP_X_TOKENOS_WORKSPACE": "demo",
        "HTTP_X_TOKENOS_SCOPES": "read",
        "HTTP_X_TOKENOS_ENVIRONMENT": "live",
    }


def ask(site: Site, client: dict[str, Any], *headers: tuple[str, str], path: str = "/orders?page=2") -> dict[str, str] | None:
    """What the API was told, but for the rest. None where the request didn't reach it."""
    answer = site.exchange(path, (("X-API-Key", client["client_secret"]), *headers))
    if answer.status != 200:
        assert answer.status in (400, 401, 403, 404), answer
        return None
    told = {name: value for name, value in answer.json().items() if "FORGED" in value.upper() or "TOKENOS" in name}
    assert not {"HTTP_AUTHORIZATION", "HTTP_DPOP", "HTTP_X_API_KEY"} & answer.json().keys()
    return told


def test_the_callers_identity_reaches_the_api(site: Site, client: dict[str, Any]) -> None:
    assert ask(site, client) == seen(client)


def test_no_test_client_gets_through(site: Site, tokenos: Server) -> None:
    arguments = ("--workspace", "demo", "--name", "trial", "--scope", "read", "--audience", AUDIENCE, "--environment", "test")
    assert ask(site, tokenos.manage("create_client", *arguments)) is None


def test_nobody_gets_through_without_a_credential(site: Site) -> None:
    for headers in ((), (("Authorization", "Bearer x"),), (("X-API-Key", "x"), *((name, "forged") for name in NAMES))):
        assert site.exchange("/", headers).status == 401


@pytest.mark.parametrize("spell", [str, str.upper, str.lower])
def test_callers_own_headers_are_replaced(site: Site, client: dict[str, Any], spell: Callable[[str], str]) -> None:
    forged = [(spell(name), "forged") for name in NAMES]
    assert ask(site, client, *forged) == seen(client)
    assert ask(site, client, *forged, *((spell(name), "forged too") for name in NAMES), *((name.lower(), "FORGED") for name in NAMES)) == seen(client)


@pytest.mark.parametrize("name", [spelling for name in NAMES for spelling in spellings(name)])
def test_a_header_that_some_frameworks_take_for_the_same_one_does_not_get_through(site: Site, client: dict[str, Any], name: str) -> None:
    for spelled in (name, name.lower(), name.upper()):
        assert ask(site, client, (spelled, "forged")) in (None, seen(client))


@pytest.mark.parametrize("name", [f"{name} " for name in NAMES] + [f"{name}\t" for name in NAMES])
def test_a_name_with_white_space_at_its_end_does_not_get_through(site: Site, client: dict[str, Any], name: str) -> None:
    assert ask(site, client, (name, "forged")) in (None, seen(client))


@pytest.mark.parametrize("name", NAMES)
def test_the_api_gets_what_the_caller_names_as_of_the_connection(site: Site, client: dict[str, Any], name: str) -> None:
    """RFC 9110 §7.6.1: a proxy removes such headers, but these it was told by TokenOS."""
    assert ask(site, client, ("Connection", f"close, {name}"), (name, "forged")) == seen(client)
    assert ask(site, client, ("Connection", f"{name.lower()}, X-Api-Key, X-Forwarded-Uri")) in (None, seen(client))


def test_a_caller_does_not_choose_the_id_of_its_request(site: Site, tokenos: Server) -> None:
    """Else it could write under that of another request."""
    before = tokenos.log.read_text().count("refused: ")
    assert site.exchange("/orders", (("X-API-Key", "tos_live_wrong"), ("X-Request-Id", "chosen-by-the-caller"))).status == 401
    log = tokenos.log.read_text()
    assert log.count("refused: ") > before
    assert "chosen-by-the-caller" not in log


def test_a_caller_does_not_choose_its_address(site: Site, tokenos: Server) -> None:
    """Else a stolen key works from everywhere, and anybody's wrong ones count against whom they like."""
    arguments = ("--workspace", "demo", "--name", "at home", "--scope", "read", "--audience", AUDIENCE, "--allow-ip", "198.51.100.200")
    at_home = tokenos.manage("create_client", *arguments)
    for name in ("X-Forwarded-For", "x-forwarded-for", "X-Real-IP", "X-Envoy-External-Address", "Forwarded", "True-Client-IP"):
        assert ask(site, at_home, (name, "198.51.100.200")) is None
    assert ask(site, at_home, ("X-Forwarded-For", "198.51.100.200"), ("X-Forwarded-For", "198.51.100.200"), ("Connection", "X-Forwarded-For")) is None


@pytest.mark.parametrize("path", ["/../../other/verify", "/%2e%2e/%2e%2e/other/verify", "//gateway/other/verify", "/..%2f..%2fother/verify", "/;/../x"])
def test_no_path_changes_which_workspace_is_asked(site: Site, client: dict[str, Any], other: dict[str, Any], path: str) -> None:
    assert ask(site, other, path=path) is None
    assert ask(site, client, path=path) in (None, seen(client))


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.parametrize("hidden", ["", "X-Forwarded-Uri, X-Forwarded-Method, X-Forwarded-Host"])
def test_a_proof_is_for_the_request_that_the_caller_made(site: Site, tokenos: Server, client: dict[str, Any], hidden: str) -> None:
    key = new_key()
    basic, proof = (client["client_id"], client["client_secret"]), key.sent("POST", "https://tokens.example.com/oauth2/token")
    form = {"grant_type": "client_credentials"}
    token = tokenos.post("/oauth2/token", data=form, auth=basic, headers={"X-Forwarded-Proto": "https"} | proof).json()["access_token"]

    def ask_with_proof_for(url: str, *headers: tuple[str, str]) -> int:
        named = (("Connection", hidden),) if hidden else ()
        sent = {"Authorization": f"DPoP {token}", **key.sent("GET", url, token=token)}
        return site.exchange("/orders?page=2", (*sent.items(), *headers, *named)).status

    # Envoy refuses a request that tells it to hide these.
    refused = {400} if hidden else set()
    assert ask_with_proof_for(f"https://{HOST}/orders") in {200, *refused}
    forged = (("X-Forwarded-Uri", "/other"), ("X-Forwarded-Method", "GET"), ("X-Forwarded-Host", HOST))
    assert ask_with_proof_for(f"https://{HOST}/other", *forged) in {401, *refused}


@pytest.mark.rfc("9449", "4.3")
def test_a_caller_does_not_choose_the_port_that_a_proof_is_for(site: Site, tokenos: Server, client: dict[str, Any]) -> None:
    """Else a server at another port of the same host, to which a client sent a proof, could use it here."""
    key, basic = new_key(), (client["client_id"], client["client_secret"])
    proof = key.sent("POST", "https://tokens.example.com/oauth2/token")
    form = {"grant_type": "client_credentials"}
    token = tokenos.post("/oauth2/token", data=form, auth=basic, headers={"X-Forwarded-Proto": "https"} | proof).json()["access_token"]

    def ask_with_proof_for(authority: str) -> int:
        sent = {"Authorization": f"DPoP {token}", **key.sent("GET", f"https://{authority}/orders", token=token)}
        return site.exchange("/orders", tuple(sent.items()), host=authority).status

    assert ask_with_proof_for(HOST) == 200
    assert ask_with_proof_for(f"{HOST}:9999") in (401, 404)
