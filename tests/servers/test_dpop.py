"""DPoP over real TLS and gunicorn, with nonces: two workers issue and accept the same ones, and a client library succeeds by itself."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests_oauth2client import DPoPToken, OAuth2Client

from tests.oauth.proofs import Key, new_key
from tests.servers.conftest import Server


@pytest.fixture(scope="module")
def nonces(make_server: Callable[..., Server]) -> Server:
    return make_server(DPOP_NONCE="on")


@pytest.fixture(scope="module")
def client(nonces: Server) -> dict[str, Any]:
    created: dict[str, Any] = nonces.manage("create_client", "--workspace", "demo", "--name", "robot", "--scope", "read")
    return created


def fetch(server: Server, client: dict[str, Any], key: Key, **claims: Any) -> requests.Response:
    url = f"{server.url}/oauth2/token"
    basic = (client["client_id"], client["client_secret"])
    return server.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=basic, headers=key.sent("POST", url, **claims))


@pytest.mark.rfc("9449", "8")
def test_every_worker_takes_the_nonce_of_any(nonces: Server, client: dict[str, Any]) -> None:
    key = new_key()
    nonce = ""
    for _ in range(20):  # each uses a new connection, so that they reach both workers
        refused = fetch(nonces, client, key)
        assert (refused.status_code, refused.json()["error"]) == (400, "use_dpop_nonce")
        nonce = nonce or refused.headers["DPoP-Nonce"]
        assert fetch(nonces, client, key, nonce=nonce).status_code == 200


@pytest.mark.rfc("9449", "9")
def test_library_finds_the_nonces_by_itself(nonces: Server, client: dict[str, Any]) -> None:
    session = requests.Session()
    # Otherwise REQUESTS_CA_BUNDLE of the machine would have precedence over the session's.
    session.trust_env, session.verify = False, str(nonces.ca)
    oauth2client = OAuth2Client(f"{nonces.url}/oauth2/token", auth=(client["client_id"], client["client_secret"]), session=session)
    token = oauth2client.client_credentials(scope="read", dpop=True)
    assert isinstance(token, DPoPToken)
    for path in ("/api/v1/whoami", "/gateway/demo/verify?scope=read"):
        assert session.get(nonces.url + path, auth=token).status_code == 200
        assert session.get(nonces.url + path, headers={"Authorization": f"Bearer {token.access_token}"}).status_code == 401


@pytest.mark.rfc("9449", "4.3")
def test_two_proofs_are_refused_as_two_header_fields(server: Server) -> None:
    client = server.manage("create_client", "--workspace", "demo", "--name", "robot")
    url = f"{server.url}/oauth2/token"
    body = f"grant_type=client_credentials&client_id={client['client_id']}&client_secret={client['client_secret']}"

    def send(*proofs: str) -> tuple[int, str]:
        head = f"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        fields = "".join(f"DPoP: {proof}\r\n" for proof in proofs)
        answer = server.exchange(f"{head}{fields}\r\n{body}".encode())
        return answer.status, answer.json().get("error", "")

    key = new_key()
    assert send(key.proof("POST", url), key.proof("POST", url)) == (400, "invalid_dpop_proof")
    assert send(key.proof("POST", url)) == (200, "")


@pytest.mark.rfc("9449", "4.3")
def test_path_that_envoy_appends_is_accepted_as_it_was_sent(make_server: Callable[..., Server]) -> None:
    """%2F in it is no slash."""
    server = make_server(TLS="off", TRUSTED_PROXIES="127.0.0.1/32", ISSUER_URL="https://tokens.example.com")
    client = server.manage("create_client", "--workspace", "demo", "--name", "robot")
    forwarded = {"X-Forwarded-Proto": "https"}
    key = new_key()
    basic = (client["client_id"], client["client_secret"])
    proof = key.sent("POST", "https://tokens.example.com/oauth2/token")
    token = server.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=basic, headers=forwarded | proof).json()["access_token"]
    headers = forwarded | {"Authorization": f"DPoP {token}", "Host": "api.example.com"}

    def ask(url: str) -> int:
        path = "/gateway/demo/verify/files/a%2Fb%20c?limit=1"
        head = "".join(f"{name}: {value}\r\n" for name, value in (headers | key.sent("DELETE", url, token=token)).items())
        return server.exchange(f"DELETE {path} HTTP/1.1\r\n{head}\r\n".encode()).status

    assert ask("https://api.example.com/files/a%2Fb%20c") == 200
    assert ask("https://api.example.com/files/a%2fb%20c?limit=1") == 200
    assert ask("https://api.example.com/files/a/b%20c") == 401
    server.stop()
