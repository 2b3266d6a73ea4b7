"""Independent client libraries get and check tokens over real TLS, each as in its own documentation."""

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jwt
import pytest
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from tests.servers.conftest import Server
from tests.servers.stores import missing

JAVASCRIPT = Path(__file__).parent / "javascript"


@pytest.fixture(scope="module")
def client(server: Server) -> dict[str, Any]:
    created: dict[str, Any] = server.manage("create_client", "--workspace", "demo", "--name", "Robot", "--scope", "read write")
    return created


def check_token(server: Server, client: dict[str, Any], token: dict[str, Any], *, scope: str) -> None:
    """As a resource server does it with PyJWT: it fetches the JWKS by itself, trusting the local CA."""
    assert (token["token_type"], token["expires_in"], token["scope"].split() if isinstance(token["scope"], str) else token["scope"]) == (
        "Bearer",
        3600,
        scope.split(),
    )
    keys = jwt.PyJWKClient(f"{server.url}/.well-known/jwks.json", ssl_context=server.context())
    key = keys.get_signing_key_from_jwt(token["access_token"])
    checked = jwt.decode_complete(token["access_token"], key, algorithms=["ES256"], audience=f"{server.url}/w/demo", issuer=server.url)
    assert checked["header"]["typ"] == "at+jwt"
    assert checked["header"]["kid"] == key.key_id
    assert checked["payload"]["sub"] == checked["payload"]["client_id"] == client["client_id"]
    assert checked["payload"]["scope"] == scope
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(token["access_token"], key, algorithms=["ES256"], audience="https://elsewhere.example.com", issuer=server.url)
    with pytest.raises(jwt.InvalidIssuerError):
        jwt.decode(token["access_token"], key, algorithms=["ES256"], audience=f"{server.url}/w/demo", issuer="https://elsewhere.example.com")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_gets_introspects_and_revokes_a_token(server: Server, client: dict[str, Any], method: str) -> None:
    with AuthlibSession(client["client_id"], client["client_secret"], token_endpoint_auth_method=method, revocation_endpoint_auth_method=method) as session:
        # Otherwise REQUESTS_CA_BUNDLE of the machine would have precedence over the session's.
        session.trust_env, session.verify = False, str(server.ca)
        metadata = session.get(f"{server.url}/.well-known/oauth-authorization-server", withhold_token=True).json()
        token = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", scope="write read")
        check_token(server, client, token, scope="write read")
        assert session.get(f"{server.url}/api/v1/whoami").json()["client_id"] == client["client_id"]
        assert session.introspect_token(metadata["introspection_endpoint"], token=token["access_token"]).json()["active"] is True
        assert session.revoke_token(metadata["revocation_endpoint"], token=token["access_token"]).status_code == 200
        assert session.introspect_token(metadata["introspection_endpoint"], token=token["access_token"]).json() == {"active": False}


def fetch_with_requests_oauthlib(server: Server, client: dict[str, Any], secret: str, method: str) -> dict[str, Any]:
    with OAuth2Session(client=BackendApplicationClient(client_id=client["client_id"], scope=["read", "write"])) as session:
        options: dict[str, Any] = {"auth": HTTPBasicAuth(client["client_id"], secret)}
        if method == "client_secret_post":
            options = {"include_client_id": True, "client_secret": secret}
        token: dict[str, Any] = session.fetch_token(f"{server.url}/oauth2/token", verify=str(server.ca), **options)
        assert session.get(f"{server.url}/api/v1/whoami", verify=str(server.ca)).json()["scopes"] == ["read", "write"]
    return token


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_requests_oauthlib_gets_a_token(server: Server, client: dict[str, Any], method: str) -> None:
    check_token(server, client, fetch_with_requests_oauthlib(server, client, client["client_secret"], method), scope="read write")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_requests_oauthlib_understands_the_refusal(server: Server, client: dict[str, Any], method: str) -> None:
    with pytest.raises(InvalidClientError, match="Client authentication failed"):
        fetch_with_requests_oauthlib(server, client, client["client_secret"][:-1], method)


def _node_version() -> int:
    return int(subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=10, check=True).stdout.lstrip("v").partition(".")[0])


@pytest.fixture(scope="module")
def javascript() -> Path:
    """The folder with the packages of the lock installed, which happens once."""
    if shutil.which("npm") is None or shutil.which("node") is None or _node_version() < 20:
        missing("Node 20 or later with npm", install="install it: https://nodejs.org")
    stamp = JAVASCRIPT / "node_modules" / ".stamp"
    wanted = hashlib.sha256((JAVASCRIPT / "package-lock.json").read_bytes()).hexdigest()
    with (JAVASCRIPT / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=JAVASCRIPT, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr
            stamp.write_text(wanted)
    return JAVASCRIPT


@pytest.mark.parametrize("method", ["ClientSecretBasic", "ClientSecretPost"])
def test_oauth4webapi_discovers_gets_validates_introspects_and_revokes(server: Server, client: dict[str, Any], javascript: Path, method: str) -> None:
    environment = {"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": str(server.ca), "ISSUER": server.url, "METHOD": method}
    environment |= {"CLIENT_ID": client["client_id"], "CLIENT_SECRET": client["client_secret"]}
    done = subprocess.run(["node", "interoperability.mjs"], cwd=javascript, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["discovered"]["oauth2"] == result["discovered"]["oidc"]
    assert result["discovered"]["oauth2"]["token_endpoint"] == f"{server.url}/oauth2/token"
    # oauth4webapi writes token_type in lower case.
    check_token(server, client, {**result["token"], "token_type": result["token"]["token_type"].title()}, scope="read")
    assert result["claims"]["client_id"] == client["client_id"]
    assert (result["before"]["active"], result["before"]["scope"]) == (True, "read")
    assert result["after"] == {"active": False}
    assert result["refused"]["status"] == 401
    assert result["refused"] in ({"status": 401, "scheme": "basic"}, {"status": 401, "error": "invalid_client"})


def test_lock_of_the_javascript_packages_names_no_host_but_the_authors() -> None:
    """A registry in it would tie every other machine to this one's."""
    packages = json.loads((JAVASCRIPT / "package-lock.json").read_text())["packages"]
    del packages[""]
    assert packages
    for package in packages.values():
        assert "resolved" not in package
        assert package["integrity"].startswith("sha512-")


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_printed_curl_gets_a_token(server: Server, times: int) -> None:
    """As pasted into a shell in another folder; at the second start as well."""
    for _ in range(times):
        announced = server.fork("prepare", "--announce")
        assert announced.returncode == 0, announced.stderr
    [line] = [line for line in announced.stdout.splitlines() if line.strip().startswith("curl ")]
    done = subprocess.run(["sh", "-c", line], cwd="/", capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    configuration = Path(shlex.split(line)[shlex.split(line).index("--config") + 1])
    assert configuration.stat().st_mode & 0o777 == 0o600
    token = json.loads(done.stdout)
    client_id = configuration.read_text().split('"')[1].partition(":")[0]
    check_token(server, {"client_id": client_id}, token, scope="read write")
