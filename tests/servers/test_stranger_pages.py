"""Strangers' pages get a share of each worker's time, by network, because they share one interpreter with token requests."""

import pytest

from tests.servers.conftest import Answer, Server
from tests.servers.known import make_known_cookie
from tests.servers.sessions import make_session

# As many fields as Django reads, which takes 20 ms.
PART = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
FORM = PART * 990 + "--b--\r\n"
FLOODER, OTHER = "198.51.100.7", "203.0.113.9"


@pytest.fixture(scope="module")
def proxied(make_lasting_server) -> Server:
    return make_lasting_server(WEB_CONCURRENCY="1", TLS="off", TRUSTED_PROXIES="127.0.0.1/32")


def send(server: Server, request: str, address: str, *lines: str, body: str = "") -> Answer:
    head = [f"{request} HTTP/1.1", "Host: localhost", f"X-Forwarded-For: {address}", "X-Forwarded-Proto: https", "Accept: text/html", *lines]
    return server.exchange("\r\n".join([*head, f"Content-Length: {len(body)}", "", body]).encode())


def post_form(server: Server, address: str) -> Answer:
    lines = ("Content-Type: multipart/form-data; boundary=b", "Origin: https://localhost", "Cookie: __Host-csrf=" + "a" * 32)
    return send(server, "POST /accounts/reset/", address, *lines, body=FORM)


def test_who_has_had_theirs_waits_and_nobody_else_does(proxied: Server) -> None:
    for _ in range(1000):
        answer = post_form(proxied, FLOODER)
        if answer.status == 429:
            break
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert b"Too many requests" in answer.body
    page = "GET /accounts/sign-in/"
    assert send(proxied, page, FLOODER, "Cookie: __Host-session=" + "a" * 32).status == 429
    assert send(proxied, page, OTHER).status == 200
    assert send(proxied, page, FLOODER, f"Cookie: {make_known_cookie(proxied)}").status == 200
    # A signed-in user in that network is still served, and so are probes and the protocol.
    cookie = f"Cookie: {make_session(proxied)}"
    assert send(proxied, "GET /accounts/profile/", FLOODER, cookie).status == 200
    assert send(proxied, "GET /readyz", FLOODER).status == 200
    assert send(proxied, "GET /.well-known/jwks.json", FLOODER).status == 200


@pytest.mark.slow
def test_a_session_that_opens_pages_without_end_waits_and_its_owners_other_session_does_not(proxied: Server) -> None:
    one, other = (make_session(proxied) for _ in range(2))
    name, _, key = one.partition("=")
    # Django reads each of these as the same session.
    spellings = [f"Cookie: {one}", f'Cookie: {name}="{key}"', f"Cookie: {name} = {key} ", f"Cookie: {name}={'a' * 32}; {one}"]
    page = "GET /accounts/profile/"
    for spelling in spellings:
        for _ in range(2000):
            answer = send(proxied, page, OTHER, spelling)
            if answer.status != 200:
                break
        assert answer.status == 429
    assert b"Too many requests" in answer.body
    assert send(proxied, page, OTHER, f"Cookie: {other}").status == 200
    assert send(proxied, "GET /accounts/sign-in/", OTHER).status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_nothing_is_a_part_of_another_sites_page(proxied: Server, site: str) -> None:
    """Else an image on it would take the time of its reader's address."""
    page = "GET /accounts/sign-in/"
    said = f"Sec-Fetch-Site: {site}"
    assert send(proxied, page, OTHER, said, "Sec-Fetch-Mode: no-cors").status == 403
    assert send(proxied, page, OTHER, said, "Sec-Fetch-Mode: navigate").status == 200
    assert send(proxied, page, OTHER, "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: no-cors").status == 200
