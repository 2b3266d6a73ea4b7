"""What pages allow the browser to do."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from dashboard.frame.content_security_policy import ContentSecurityPolicyMiddleware


def test_a_page_may_load_and_do_little(browser, db):
    response = browser.get("/accounts/sign-in/")
    policy = dict(directive.split(" ", 1) for directive in response["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in response["Content-Security-Policy"]
    assert "camera=()" in response["Permissions-Policy"]
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"


def test_error_pages_have_the_policy_too(browser):
    assert "Content-Security-Policy" in browser.get("/nothing")


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/metrics", "/nothing", "/oauth2/nothing", "/api/nothing", "/.well-known/jwks.json", "/static/nothing"]
)
@pytest.mark.parametrize("secure", [True, False])
def test_no_browser_takes_an_answer_for_what_it_is_not(browser, db, path, secure):
    """Also for responses before any page."""
    assert browser.get(path, secure=secure)["X-Content-Type-Options"] == "nosniff"


def test_json_needs_none(browser):
    assert "Content-Security-Policy" not in browser.get("/healthz")
    assert "Content-Security-Policy" not in browser.get("/oauth2/nothing")


def test_a_page_may_have_a_policy_of_its_own():
    own = HttpResponse(headers={"Content-Security-Policy": "default-src 'self'"})
    response = ContentSecurityPolicyMiddleware(lambda _: own)(RequestFactory().get("/"))
    assert response["Content-Security-Policy"] == "default-src 'self'"


def test_a_note_for_the_next_page_is_for_this_host_as_well(admin):
    """Otherwise another host of the domain could plant a note."""
    admin.post("/accounts/profile/", {"name": "Olga"})
    cookie = admin.cookies["__Host-messages"]
    assert (cookie["secure"], cookie["httponly"], cookie["path"], cookie["domain"]) == (True, True, "/", "")
    assert "messages" not in admin.cookies
    assert "Name saved." in admin.get("/accounts/profile/").content.decode()
    assert admin.cookies["__Host-messages"].value == ""


@pytest.mark.parametrize("method", ["TRACE", "PUT", "PATCH", "DELETE", "BREW"])
@pytest.mark.parametrize("path", ["/accounts/help/", "/accounts/profile/", "/admin/"])
def test_a_page_is_asked_for_by_few_methods(admin, path, method):
    response = admin.generic(method, path)
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, POST, OPTIONS")


def test_cookies_are_for_this_host_over_https_only(browser, db):
    browser.get("/accounts/sign-in/")
    cookie = browser.cookies["__Host-csrf"]
    assert (cookie["secure"], cookie["httponly"], cookie["path"], cookie["domain"]) == (True, True, "/", "")


def test_the_start_page_asks_strangers_to_sign_in(browser):
    response = browser.get("/")
    assert (response.status_code, response["Location"]) == (302, "/accounts/sign-in/?next=/")
