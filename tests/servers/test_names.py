"""The names and the path under which the real server answers: ALLOWED_HOSTS, and an ISSUER_URL with a path."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.servers.conftest import Server

ISSUER = "https://localhost/id/tokens"


@pytest.fixture(scope="module")
def below(make_server: Callable[..., Server]) -> Server:
    return make_server(ISSUER_URL=ISSUER)


@pytest.mark.rfc("8414", "3.1")
def test_a_client_finds_and_uses_the_endpoints_of_an_issuer_with_a_path(below: Server) -> None:
    client = below.manage("create_client", "--workspace", "demo", "--name", "Robot", "--scope", "read")
    pair = (client["client_id"], client["client_secret"])
    metadata = below.get("/.well-known/oauth-authorization-server/id/tokens").json()
    assert metadata == below.get("/id/tokens/.well-known/openid-configuration").json()
    assert metadata["issuer"] == ISSUER
    token = below.post(urlsplit(metadata["token_endpoint"]).path, data={"grant_type": "client_credentials"}, auth=pair).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert below.get("/id/tokens/api/v1/whoami", headers=bearer).json()["client_id"] == client["client_id"]
    assert below.get("/id/tokens/gateway/demo/verify/orders", headers=bearer).status_code == 200
    assert below.get("/.well-known/oauth-protected-resource/id/tokens/w/demo").json()["resource"] == f"{ISSUER}/w/demo"
    assert below.get(urlsplit(metadata["jwks_uri"]).path).json()["keys"]


def test_the_dashboard_is_at_the_root_of_the_host(below: Server) -> None:
    assert below.get("/accounts/sign-in/").status_code == 200
    assert below.get("/id/tokens/accounts/sign-in/").status_code == 404


@pytest.mark.rfc("9110", "7.2")
@pytest.mark.parametrize(
    "path", ["/oauth2/token", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json", "/api/v1/whoami", "/api/v1/nothing", "/"]
)
def test_under_a_foreign_name_nothing_is_served(server: Server, path: str) -> None:
    answer = server.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "evil" not in answer.text


@pytest.mark.parametrize(("path", "status"), [("/gateway/demo/verify", 401), ("/healthz", 200), ("/readyz", 200)])
def test_but_what_others_ask_under_names_of_their_own(server: Server, path: str, status: int) -> None:
    assert server.get(path, headers={"Host": "evil.example"}).status_code == status


def test_the_page_that_signs_nobody_in_is_served_with_its_stylesheet(server: Server) -> None:
    page = server.get("/oauth2/authorize?client_id=x&state=y", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["x-content-type-options"]) == (400, "nosniff")
    assert server.get("/static/css/error.css").status_code == 200
