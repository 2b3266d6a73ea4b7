"""DPoP behind a gateway: the proof is for the original request. RFC 9449 §4.3."""

from ipaddress import ip_network

import pytest

from clients.models import RecordedRequest
from tests.oauth.bound_tokens import VERIFY, WHOAMI, assert_proof_refused, get_token
from tests.oauth.doors import ADDRESS, Answer, Sender
from tests.oauth.proofs import ISSUER, key

ORIGINAL = "https://api.example.com/v1/orders"


# Behind a gateway: the proof is for the original request


@pytest.fixture
def token(asgi, billing):
    """Bound to key()."""
    return get_token(asgi, billing)


@pytest.fixture
def proxied(settings):
    settings.TRUSTED_PROXIES = [ip_network(ADDRESS)]
    # Django's door asks for it, the server's doesn't.
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "api.example.com"]


def ask(send: Sender, token: str, *, method: str, url: str, path: str = VERIFY, asked: str = "GET", **said: str) -> Answer:
    """Ask the gateway as a proxy does. method, url: what the proof is for. said: forwarded headers, with _ for -."""
    headers = {"Authorization": f"DPoP {token}", "X-Forwarded-Proto": "https", **key().sent(method, url, token=token)}
    return send(asked, path, headers=headers | {f"X-Forwarded-{name}": value for name, value in said.items()}, query="scope=read")


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize(
    ("url", "said"),
    [
        (ORIGINAL, {"Host": "api.example.com", "Uri": "/v1/orders", "Method": "PATCH"}),
        (ORIGINAL, {"Host": "api.example.com:443", "Uri": "/v1/orders?limit=1", "Method": "PATCH"}),
        ("https://api.example.com:8443/a%2Fb%20c", {"Host": "API.example.com:8443", "Uri": "/a%2fb%20c?", "Method": "PATCH"}),
        ("https://api.example.com/", {"Host": "api.example.com", "Uri": "/", "Method": "PATCH"}),
    ],
)
def test_trusted_proxys_word_on_the_original_request_counts(send, token, url, said):
    assert ask(send, token, method="PATCH", url=url, **said).status == 200
    assert_proof_refused(ask(send, token, method="GET", url=url, **said), "dpop_proof_method")
    assert_proof_refused(ask(send, token, method="PATCH", url=ISSUER + VERIFY, **said), "dpop_proof_url")
    assert_proof_refused(ask(send, token, method="PATCH", url=url + "x", **said), "dpop_proof_url")
    assert_proof_refused(ask(send, token, method="PATCH", url=url.replace("api", "evil"), **said), "dpop_proof_url")


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("below", ["/v1/orders", "/", "/a%2Fb%20c", "//x", "/v1/orders:search"])
def test_envoy_appends_the_original_path_and_keeps_the_method(asgi, token, below):
    headers = {"Host": "api.example.com", "Authorization": f"DPoP {token}", "X-Forwarded-Proto": "https"}
    for url, status in ((f"https://api.example.com{below}", 200), (ISSUER + VERIFY + below, 401), (f"https://api.example.com{below}x", 401)):
        answer = asgi("PUT", VERIFY + below, headers=headers | key().sent("PUT", url, token=token))
        assert answer.status == status


@pytest.mark.usefixtures("proxied")
def test_server_that_keeps_no_raw_path_encodes_it_again(send, token):
    headers = {"Host": "localhost", "X-Forwarded-Host": "localhost", "Authorization": f"DPoP {token}", "X-Forwarded-Proto": "https"}
    assert send.get(f"{VERIFY}/a%20b:c", headers=headers | key().sent("GET", "https://localhost/a%20b:c", token=token)).status == 200


@pytest.mark.usefixtures("proxied")
def test_if_the_proxy_says_no_url_or_method_the_own_one_counts(asgi, token):
    for said in ({}, {"Method": "PATCH"}, {"Uri": ""}, {"Uri": "", "Method": "", "Host": ""}, {"Host": "api.example.com"}):
        assert ask(asgi, token, method="GET", url=ISSUER + VERIFY, **said).status == 200
    for said in ({}, {"Method": ""}):
        assert ask(asgi, token, method="GET", url=ORIGINAL, Host="api.example.com", Uri="/v1/orders", **said).status == 200


MALFORMED: list[tuple[str, dict[str, str]]] = [
    ("no path", {"Uri": "v1"}), ("a blank", {"Uri": "/a b"}), ("a whole URL", {"Uri": "https://api.example.com/"}), ("an octet above ASCII", {"Uri": "/\xe9"}),
    ("too long a URL", {"Uri": f"/v1?{'x' * 8000}"}), ("two URLs", {"Uri": "/a, /b"}), ("two hosts", {"Host": "a,b", "Uri": "/v1"}),
    ("a host with a blank", {"Host": "a b"}), ("a host with a path", {"Host": "api.example.com/", "Uri": "/v1"}), ("a blank method", {"Method": "a b"}),
    ("two methods", {"Method": "PATCH,GET", "Uri": "/v1"}), ("too long a method", {"Method": "X" * 33, "Uri": "/v1"}),
    ("a method above ASCII", {"Method": "\xe9"}),
]  # fmt: skip


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("said", [pytest.param(said, id=name) for name, said in MALFORMED])
def test_no_proof_is_for_a_request_that_cannot_be_read(asgi, token, said):
    """A caller's request line must not turn the proxy's request into one for our own URL."""
    as_said = f"https://{said.get('Host', 'localhost')}{said.get('Uri', '/v1')}"
    for method, url in (("GET", ISSUER + VERIFY), ("GET", ORIGINAL), (said.get("Method", "GET"), as_said)):
        assert_proof_refused(ask(asgi, token, method=method, url=url, **said), "dpop_target_malformed")


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize(
    ("path", "said"), [(f"{VERIFY}/v1", {"Host": "a b"}), (VERIFY, {"Host": "a,b", "X-Forwarded-Uri": "/v1"}), (VERIFY, {"X-Forwarded-Uri": "/v1"})]
)
def test_no_proof_is_for_a_request_whose_host_cannot_be_read(asgi, token, path, said):
    """Envoy leaves the caller's own Host, and appends the path."""
    headers = {"Authorization": f"DPoP {token}", "X-Forwarded-Proto": "https", **said}
    assert_proof_refused(asgi("GET", path, headers=headers | key().sent("GET", ISSUER + path, token=token)), "dpop_target_malformed")


@pytest.mark.usefixtures("proxied")
def test_other_credentials_pass_whatever_the_proxy_says_of_the_request(asgi, billing):
    for _, said in MALFORMED:
        headers = {"X-Forwarded-Proto": "https"} | {f"X-Forwarded-{name}": value for name, value in said.items()}
        assert asgi.get(VERIFY, billing.basic, headers=headers).status == 200


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("url", ["", "nonsense", "https://api.example.com/a|c", "https://api.example.com/a%7Cb"])
def test_no_other_url_is_like_one_that_is_malformed(asgi, token, url):
    """A caller can write anything into its request line, even if it isn't a URL."""
    said = {"Host": "api.example.com", "Uri": "/a|b"}
    assert_proof_refused(ask(asgi, token, method="GET", url=url, **said), "dpop_proof_url")


@pytest.mark.usefixtures("proxied")
def test_original_query_is_not_kept(asgi, token):
    answer = ask(asgi, token, method="GET", url=ISSUER, Host="api.example.com", Uri="/v1/orders?password=hunter2")
    detail = RecordedRequest.objects.get(request_id=answer.request_id).detail
    assert "https://api.example.com/v1/orders" in detail
    assert "hunter2" not in detail


@pytest.mark.rfc("9449", "4.3")
def test_nobody_else_can_say_what_the_original_request_was(send, token):
    said = {"Host": "api.example.com", "Uri": "/v1/orders", "Method": "PATCH"}
    assert_proof_refused(ask(send, token, method="PATCH", url=ORIGINAL, **said), "dpop_proof_method")
    assert_proof_refused(ask(send, token, method="GET", url=ORIGINAL, **said), "dpop_proof_url")
    assert ask(send, token, method="GET", url=ISSUER + VERIFY, **said).status == 200


@pytest.mark.rfc("9449", "4.3")
def test_host_that_the_caller_chose_does_not_count(asgi, token):
    """So that a proof for another server isn't accepted here."""
    for path, host in ((f"{VERIFY}/v1", "evil.example.com"), (WHOAMI, "127.0.0.1")):
        headers = {"Host": host, "Authorization": f"DPoP {token}"}
        for url, status in ((f"https://{host}{path}", 401), (f"https://{host}/v1", 401), (ISSUER + path, 200)):
            assert asgi.get(path, headers=headers | key().sent("GET", url, token=token)).status == status


@pytest.mark.usefixtures("proxied")
def test_whoami_is_never_another_request(send, token):
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "localhost", "X-Forwarded-Uri": "/v1/orders", "X-Forwarded-Method": "PATCH"}
    assert send.get(WHOAMI, f"DPoP {token}", headers=headers | key().sent("GET", ISSUER + WHOAMI, token=token)).status == 200
