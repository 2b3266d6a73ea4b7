"""Independent client libraries use signed assertions, DPoP and client certificates over real TLS, each as in its own documentation."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey
from requests_oauth2client import DPoPToken, OAuth2Client, PrivateKeyJwt

from tests.servers.conftest import Server
from tests.servers.program import Program
from tests.servers.test_interoperability import javascript

__all__ = ["javascript"]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program().save(tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="module")
def client(server: Server, program: Program) -> dict[str, Any]:
    options = ["--workspace", "demo", "--name", "robot", "--scope", "read write", "--auth-method", "private_key_jwt", "--public-key", str(program.public_key)]
    created: dict[str, Any] = server.manage("create_client", *options)
    assert "client_secret" not in created
    return created


@pytest.fixture
def session(server: Server) -> requests.Session:
    session = requests.Session()
    # Otherwise REQUESTS_CA_BUNDLE of the machine would have precedence over the session's.
    session.trust_env, session.verify = False, str(server.ca)
    return session


@pytest.mark.rfc("7523", "2.2")
def test_authlib_authenticates_by_private_key_jwt(server: Server, client: dict[str, Any], program: Program) -> None:
    endpoint = f"{server.url}/oauth2/token"
    # authlib's default lifetime of an assertion, an hour, is longer than the allowed ten minutes.
    method = PrivateKeyJWT(endpoint, alg="ES256", claims={"exp": int(time.time()) + 300})
    with AuthlibSession(client["client_id"], ECKey.import_key(program.private_key.read_text()), token_endpoint_auth_method=method) as session:
        session.trust_env, session.verify = False, str(server.ca)
        token = session.fetch_token(endpoint, grant_type="client_credentials", scope="read")
        assert (token["token_type"], token["scope"]) == ("Bearer", "read")
        whoami = session.get(f"{server.url}/api/v1/whoami").json()
    assert (whoami["client_id"], whoami["scopes"]) == (client["client_id"], ["read"])


@pytest.fixture
def oauth2client(server: Server, client: dict[str, Any], program: Program, session: requests.Session) -> OAuth2Client:
    key = {"kty": "EC", **program.jwk, "d": _private_number(program), "kid": client["keys"][0], "alg": "ES256"}
    return OAuth2Client(
        token_endpoint=f"{server.url}/oauth2/token",
        introspection_endpoint=f"{server.url}/oauth2/introspect",
        # By default, its audience at introspection would be that endpoint.
        auth=PrivateKeyJwt(client["client_id"], key, alg="ES256", aud=server.url),
        session=session,
    )


def _private_number(program: Program) -> str:
    return str(json.loads(jwt.algorithms.ECAlgorithm.to_jwk(program.key))["d"])


@pytest.mark.rfc("7523", "2.2")
def test_requests_oauth2client_authenticates_by_private_key_jwt(server: Server, client: dict[str, Any], oauth2client: OAuth2Client) -> None:
    token = oauth2client.client_credentials(scope="read write")
    assert (str(token.token_type).lower(), token.scope) == ("bearer", "read write")


@pytest.mark.rfc("9449", "5")
def test_requests_oauth2client_gets_and_uses_a_token_bound_by_dpop(
    server: Server, client: dict[str, Any], oauth2client: OAuth2Client, session: requests.Session
) -> None:
    token = oauth2client.client_credentials(scope="read", dpop=True)
    assert isinstance(token, DPoPToken)
    whoami = session.get(f"{server.url}/api/v1/whoami", auth=token).json()
    assert (whoami["client_id"], whoami["auth_method"]) == (client["client_id"], "access_token")
    stolen = session.get(f"{server.url}/api/v1/whoami", headers={"Authorization": f"Bearer {token.access_token}"})
    assert stolen.status_code == 401
    assert oauth2client.introspect_token(token.access_token)["token_type"] == "DPoP"


def test_node_libraries_use_assertions_and_dpop(server: Server, client: dict[str, Any], program: Program, javascript: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": str(server.ca), "ISSUER": server.url}
    environment |= {"CLIENT_ID": client["client_id"], "PRIVATE_KEY": str(program.private_key), "KID": client["keys"][0]}
    done = subprocess.run(["node", "enhanced.mjs"], cwd=javascript, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    for name in ("oauth4webapi", "openid"):
        assert (result[name]["bearer"].lower(), result[name]["bound"].lower()) == ("bearer", "dpop")
        assert result[name]["whoami"]["client_id"] == client["client_id"]
    assert result["oauth4webapi"]["stolen"] == 401
    assert result["oauth4webapi"]["introspection"]["token_type"] == "DPoP"
    assert result["oauth4webapi"]["introspection"]["cnf"]["jkt"]
    assert result["openid"]["introspection"] == {"active": False}
