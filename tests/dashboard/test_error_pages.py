"""What people and programs see when a request fails."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.test import RequestFactory
from django.urls import path

from dashboard import urls
from dashboard.views import errors


def fail(error):
    def view(_request):
        raise error

    return view


FAILURES = {
    "400": (fail(SuspiciousOperation("what was sent")), 400, "invalid_request"),
    "403": (fail(PermissionDenied("what is hidden")), 403, "access_denied"),
    "500": (fail(ZeroDivisionError("what went wrong")), 500, "server_error"),
    "503": (fail(OperationalError("connection to 10.0.0.5 failed")), 503, "temporarily_unavailable"),
}


@pytest.fixture(autouse=True)
def _failing_views(settings):
    """Views that fail, below the path of a person and below that of a program."""

    class Module:
        urlpatterns = [path(f"{prefix}{name}", view) for name, (view, _, _) in FAILURES.items() for prefix in ("fails/", "api/fails/")]
        handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500

    settings.ROOT_URLCONF = Module


@pytest.mark.parametrize("name", FAILURES)
def test_people_get_a_page(browser, name):
    _, status, _ = FAILURES[name]
    response = browser.get(f"/fails/{name}")
    text = response.content.decode()
    assert response.status_code == status
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert response["Cache-Control"] == "no-store"
    assert " · TokenOS</title>" in text
    assert text.count("<h1>") == 1
    assert "what " not in text
    assert "10.0.0.5" not in text
    assert "Traceback" not in text
    assert "style=" not in text


@pytest.mark.parametrize("name", FAILURES)
def test_programs_get_json(browser, name):
    _, status, error = FAILURES[name]
    response = browser.get(f"/api/fails/{name}")
    assert response.status_code == status
    assert response.json()["error"] == error
    assert response["Cache-Control"] == "no-store"
    assert "what " not in response.content.decode()


@pytest.mark.parametrize("name", ["500", "503"])
def test_what_failed_on_our_side_can_be_found_by_its_id(browser, name):
    response = browser.get(f"/fails/{name}")
    assert response["X-Request-Id"] in response.content.decode()


def test_a_page_comes_back_when_the_database_does(browser):
    response = browser.get("/fails/503")
    assert (response["Retry-After"], response["Refresh"]) == ("10", "10")


def test_what_was_sent_is_not_sent_again(browser):
    response = browser.post("/fails/503")
    assert (response.status_code, "Refresh" in response) == (503, False)


def test_nothing_at_an_address_is_a_page(browser):
    response = browser.get("/nothing/here")
    assert response.status_code == 404
    assert "There is nothing at this address." in response.content.decode()
    assert "/.well-known/oauth-authorization-server" in response.content.decode()
    assert "/nothing/here" not in response.content.decode()


def test_nothing_at_a_programs_address_is_json(browser):
    response = browser.get("/api/nothing/here")
    assert (response.status_code, response.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/oauth2/token", "/gateway/demo/verify", "/.well-known/jwks.json", "/api/v1/whoami"])
def test_what_is_refused_before_the_protocol_is_json_too(browser, path):
    response = browser.get(path, headers={"host": "evil.example.com"})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_a_page_that_was_open_too_long_says_so(settings):
    settings.ROOT_URLCONF = "dashboard.urls"
    from tests.dashboard.conftest import Browser

    response = Browser(enforce_csrf_checks=True).post("/admin/login/", {"username": "x", "password": "y"})
    assert response.status_code == 403
    assert "This page was open too long." in response.content.decode()


def test_a_wrong_host_is_refused(browser):
    response = browser.get("/", headers={"host": "evil.example.com"})
    assert response.status_code == 400
    assert "evil.example.com" not in response.content.decode()


def test_a_failure_before_any_middleware_still_gets_a_page():
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        response = errors.server_error(RequestFactory().get("/x"))
    assert response.status_code == 500
    assert "Request ID" not in response.content.decode()
