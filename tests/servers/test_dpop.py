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
    for _ in range(10):  # each uses a new connection, so that they reach both workers
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
