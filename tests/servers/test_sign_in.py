"""A flood of passwords at the sign-in page, each of which costs argon2 100 MB, does little harm."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
import requests

from tests.servers.conftest import Answer, Server
from tests.servers.known import make_known_cookie


@pytest.mark.slow
def test_many_sign_ins_at_once_take_the_memory_of_one(make_server: Callable[..., Server]) -> None:
    server = make_server(WEB_CONCURRENCY="1")

    def sign_in(number: int) -> int:
        with requests.Session() as browser:
            page = browser.get(f"{server.url}/accounts/sign-in/", verify=str(server.ca), timeout=60)
            token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[0]
            form = {"csrfmiddlewaretoken": token, "login": f"nobody-{number}@example.com", "password": "wrong"}
            headers = {"Referer": server.url}
            return browser.post(f"{server.url}/accounts/sign-in/", data=form, headers=headers, verify=str(server.ca), timeout=60).status_code

    with ThreadPoolExecutor(24) as threads:
        statuses = list(threads.map(sign_in, range(48)))
    assert statuses.count(200) >= 1  # the form again: a wrong password
    assert set(statuses) <= {200, 503}
    assert max(server.read_memory("VmHWM")) < 300_000
    assert "Traceback" not in server.log.read_text()
    server.stop()


SIGN_IN = "/accounts/sign-in/"


def post(server: Server, path: str, address: str, *lines: str, kind: str = "text/html") -> Answer:
    """A form without a CSRF token, so that whatever comes to be looked at is answered with 403."""
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"X-Forwarded-For: {address}", "X-Forwarded-Proto: https", f"Accept: {kind}", *lines]
    return server.exchange("\r\n".join([*head, "Content-Length: 7", "", "login=a"]).encode())


@pytest.fixture(scope="module")
def proxied(make_lasting_server: Callable[..., Server]) -> Server:
    return make_lasting_server(WEB_CONCURRENCY="1", TLS="off", TRUSTED_PROXIES="127.0.0.1/32", FAILURES_PER_ADDRESS="3")


@pytest.fixture(scope="module")
def opened(proxied: Server) -> tuple[str, str]:
    """Of a browser that has opened the page: its cookie, and what its form holds."""
    page = proxied.get(SIGN_IN, headers={"X-Forwarded-Proto": "https"})
    (csrf,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[:1])
    return page.headers["Set-Cookie"].partition(";")[0], f"csrfmiddlewaretoken={csrf}&login=nobody%40example.com&password=wrong"


def fail(server: Server, opened: tuple[str, str], address: str) -> int:
    """Send a wrong password as a browser does."""
    cookie, form = opened
    headers = {"X-Forwarded-For": address, "X-Forwarded-Proto": "https", "Referer": "https://localhost/", "Host": "localhost", "Cookie": cookie}
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return server.post(SIGN_IN, data=form, headers=headers, timeout=60).status_code


@contextmanager
def flood(server: Server, opened: tuple[str, str]) -> Iterator[None]:
    """Strangers have all their places, but for the moments between one and the next."""
    is_over = Event()

    def go_on(number: int) -> None:
        count = 0
        while not is_over.is_set():
            count += 1
            fail(server, opened, f"100.64.{number}.{count % 250}")

    with ThreadPoolExecutor(6) as threads:
        running = [threads.submit(go_on, number) for number in range(6)]
        try:
            yield
        finally:
            is_over.set()
    for done in running:
        done.result()


def ask_until(ask: Callable[[], Answer], status: int) -> Answer:
    for _ in range(200):
        answer = ask()
        if answer.status == status:
            return answer
    raise AssertionError(f"never {status}, last {answer.status}")


def test_a_stranger_is_asked_to_come_back_before_the_form_is_looked_at(proxied: Server, opened: tuple[str, str]) -> None:
    with flood(proxied, opened):
        page = ask_until(lambda: post(proxied, SIGN_IN, "198.51.100.7"), 503)
        program = ask_until(lambda: post(proxied, SIGN_IN, "198.51.100.7", kind="*/*"), 503)
    assert page.headers["retry-after"] == program.headers["retry-after"] == "2"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Too many passwords are being checked. Try again in a few seconds." in page.body.decode()
    assert f'href="{SIGN_IN}"' in page.body.decode()
    assert program.json()["error"] == "temporarily_unavailable"


def test_a_browser_from_which_somebody_signed_in_before_is_not(proxied: Server, opened: tuple[str, str]) -> None:
    known = make_known_cookie(proxied)
    with flood(proxied, opened):
        ask_until(lambda: post(proxied, SIGN_IN, "198.51.100.8"), 503)
        assert {post(proxied, SIGN_IN, "198.51.100.8", f"Cookie: a=b; {known}").status for _ in range(20)} == {403}
        ask_until(lambda: post(proxied, SIGN_IN, "198.51.100.8", f"Cookie: {known[:-1]}"), 503)


@pytest.mark.parametrize("address", ["2001:db8:9::1", pytest.param("203.0.113.9", marks=pytest.mark.slow)])
def test_an_address_that_has_failed_too_often_is_refused_before_the_form_is_looked_at(proxied: Server, opened: tuple[str, str], address: str) -> None:
    for _ in range(3):
        assert fail(proxied, opened, address) == 200
    assert post(proxied, SIGN_IN, address).status == 403
    assert fail(proxied, opened, address) == 429  # this is how this process learns of it
    for path in (SIGN_IN, f"{SIGN_IN}passkey/", f"{SIGN_IN}code/"):
        answer = post(proxied, path, address)
        assert answer.status == 429
        assert 0 < int(answer.headers["retry-after"]) <= 300
        assert "Too many attempts." in answer.body.decode()
    assert proxied.get(SIGN_IN, headers={"X-Forwarded-For": address, "X-Forwarded-Proto": "https"}).status_code == 200
    assert post(proxied, SIGN_IN, "203.0.113.10").status == 403
    assert post(proxied, "/accounts/reset/", address).status == 403
    # In clear text, this is the first refusal.
    assert post(proxied, SIGN_IN, address, "X-Forwarded-Proto: http").status == 400


def test_an_address_that_failed_with_one_account_only_may_try_another(proxied: Server, opened: tuple[str, str]) -> None:
    """What was counted for an account is in the form."""
    assert fail(proxied, opened, "203.0.113.20") == 200
    assert post(proxied, SIGN_IN, "203.0.113.20").status == 403
