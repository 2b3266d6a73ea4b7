"""An issuer with a path: the addresses of RFC 8414 §3.1 and RFC 9728 §3.1, behind a proxy that strips the path and behind one that keeps it."""

import pytest

from tests.oauth.doors import bearer
from tests.oauth.proofs import key

ISSUER = "https://example.com/id/tokens"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _issuer(settings):
    settings.ISSUER_URL = ISSUER


@pytest.mark.rfc("8414", "3.1")
@pytest.mark.parametrize("kind", ["oauth-authorization-server", "openid-configuration"])
@pytest.mark.parametrize("address", ["/.well-known/{}/id/tokens", "/id/tokens/.well-known/{}", "/.well-known/{}"])
def test_metadata_is_at_the_inserted_and_at_the_appended_address(send, kind, address):
    answer = send.get(address.format(kind))
    assert answer.status == 200
    assert answer.json()["issuer"] == ISSUER
    assert answer.json()["token_endpoint"] == f"{ISSUER}/oauth2/token"


@pytest.mark.rfc("9728", "3.1")
@pytest.mark.parametrize("address", ["/.well-known/oauth-protected-resource/id/tokens{}", "/id/tokens/.well-known/oauth-protected-resource{}"])
@pytest.mark.parametrize("rest", ["", "/w/demo"])
def test_resource_metadata_too(send, address, rest):
    assert send.get(address.format(rest)).json()["resource"] == ISSUER + rest


@pytest.mark.rfc("9728", "5.1")
def test_a_401_names_the_inserted_address(send):
    challenges = send.get("/id/tokens/api/v1/whoami").headers["www-authenticate"]
    assert 'resource_metadata="https://example.com/.well-known/oauth-protected-resource/id/tokens"' in challenges


@pytest.mark.parametrize(
    "path", ["/.well-known/oauth-authorization-server/other", "/.well-known/jwks.json/id/tokens", "/id/tokens/oauth2/nothing", "/oauth2/id/tokens"]
)
def test_unknown_paths_are_not_found(send, path):
    assert send.get(path).status == 404


def test_without_a_path_there_is_no_further_address(send, settings):
    settings.ISSUER_URL = "https://example.com"
    for path in ("/.well-known/oauth-authorization-server/id/tokens", "/.well-known/openid-configuration/"):
        assert send.get(path).status == 404


@pytest.mark.parametrize("prefix", ["", "/id/tokens"])
def test_every_endpoint_is_at_its_published_address_and_at_what_a_proxy_leaves_of_it(send, billing, prefix):
    token = send.post(f"{prefix}/oauth2/token", {"grant_type": "client_credentials"}, billing.basic).json()["access_token"]
    assert send.get(f"{prefix}/api/v1/whoami", bearer(token)).status == 200
    assert send.get(f"{prefix}/gateway/demo/verify", bearer(token)).status == 200
    assert send.get(f"{prefix}/gateway/demo/verify/orders/7", bearer(token)).status == 200
    assert send.post(f"{prefix}/oauth2/introspect", {"token": token}, billing.basic).json()["active"] is True
    assert send.post(f"{prefix}/oauth2/revoke", {"token": token}, billing.basic).status == 200
    assert send.get(f"{prefix}/api/v1/whoami", bearer(token)).status == 401
    assert send.get(f"{prefix}/.well-known/jwks.json").json()["keys"]
    assert send.get(f"{prefix}/oauth2/authorize").error == (400, "unsupported_response_type")


@pytest.mark.parametrize("raw", ["/id/tokens/gateway/demo/verify/a%2Fb", "/id/t%6Fkens/gateway/demo/verify/a%2Fb"])
def test_what_stands_below_the_gateway_is_kept_as_it_was_sent(asgi, billing, raw):
    """If the issuer's path is spelled differently, the rest may be too."""
    form, good = {"grant_type": "client_credentials"}, key().sent(url=f"{ISSUER}/oauth2/token")
    token = asgi.post("/oauth2/token", form, billing.basic, headers=good).json()["access_token"]
    url = f"{ISSUER}/gateway/demo/verify/" + ("a%2Fb" if "tokens" in raw else "a/b")
    assert asgi.get(raw, f"DPoP {token}", headers=key().sent("GET", url, token=token)).status == 200


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.parametrize("prefix", ["", "/id/tokens"])
def test_a_proof_is_for_the_published_address(send, billing, prefix):
    form = {"grant_type": "client_credentials"}
    good = key().sent(url=f"{ISSUER}/oauth2/token")
    assert send.post(f"{prefix}/oauth2/token", form, billing.basic, headers=good).json()["token_type"] == "DPoP"
    wrong = key().sent(url="https://example.com/oauth2/token")
    assert send.post(f"{prefix}/oauth2/token", form, billing.basic, headers=wrong).error == (400, "invalid_dpop_proof")
