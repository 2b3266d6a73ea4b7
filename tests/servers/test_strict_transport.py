"""RFC 6797 §7.1: refusals from outside pages and endpoints have Strict-Transport-Security, like all other answers of the issuer's host."""

from collections.abc import Callable

import pytest

from tests.servers.conftest import Server

NAME, YEAR = "strict-transport-security", "max-age=31536000"
SIGN_IN = b"POST /accounts/sign-in/ HTTP/1.1\r\nHost: %s\r\n"
REFUSED = {
    "a body too large for a page, to a program": (SIGN_IN + b"Content-Length: 3000000\r\n\r\n", 413),
    "a body too large for a page, to a browser": (SIGN_IN + b"Accept: text/html\r\nContent-Length: 3000000\r\n\r\n", 413),
    "a body too large for the protocol": (b"POST /oauth2/token HTTP/1.1\r\nHost: %s\r\nContent-Length: 70000\r\n\r\n" + b"a" * 70_000, 413),
    "a folded line": (b"GET /healthz HTTP/1.1\r\nHost: %s\r\nX-A: a\r\n b\r\n\r\n", 400),
    "two lengths": (b"POST /oauth2/token HTTP/1.1\r\nHost: %s\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
    "a bad chunk": (b"POST /oauth2/token HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    "an unknown transfer coding": (b"POST /oauth2/token HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: unknown, chunked\r\n\r\n", 501),
    "a huge header": (b"GET /healthz HTTP/1.1\r\nHost: %s\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n", 431),
}


@pytest.fixture(scope="module")
def named(make_server: Callable[..., Server]) -> Server:
    return make_server(ISSUER_URL="https://tokens.example.com", WEB_CONCURRENCY="1")


@pytest.mark.rfc("6797", "7.1")
@pytest.mark.parametrize("name", REFUSED)
def test_refusal_at_the_issuers_host_says_it(named: Server, name: str) -> None:
    request, status = REFUSED[name]
    answer = named.exchange(request.replace(b"%s", b"tokens.example.com", 1))
    assert (answer.status, answer.headers.get(NAME)) == (status, YEAR)
    # The request's host decides, as for any other answer.
    answer = named.exchange(request.replace(b"%s", b"localhost", 1))
    assert (answer.status, answer.headers.get(NAME)) == (status, None)


@pytest.mark.rfc("6797", "7.2")
@pytest.mark.parametrize("name", REFUSED)
def test_refusal_over_plain_http_does_not(named: Server, name: str) -> None:
    request, status = REFUSED[name]
    answer = named.exchange(request.replace(b"%s", b"tokens.example.com", 1), tls=False)
    assert answer.headers.get(NAME) is None
    assert answer.status in (status, 400)


def test_refusal_of_what_names_no_host_does_not(named: Server) -> None:
    answer = named.exchange(b"GET /healthz HTTP/1.1\nHost: tokens.example.com\n\n")
    assert (answer.status, answer.headers.get(NAME)) == (400, None)
