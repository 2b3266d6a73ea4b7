"""/oauth2/authorize says that nobody signs in here. RFC 8414 §2, RFC 6749 §4.1.2.1."""

import re

import pytest

PATH = "/oauth2/authorize"
# As a client library sends a person here. None of it may come back.
QUERY = "response_type=code&client_id=stranger&redirect_uri=https%3A%2F%2Fapp.example.com%2Fback&state=%3Cscript%3Exyz&scope=read"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
METHODS = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
pytestmark = pytest.mark.django_db


def assert_says_nothing_of_the_request(answer):
    told = answer.body + repr(answer.headers).encode()
    assert not re.search(rb"stranger|app\.example\.com|script>xyz|xyz", told)
    assert "location" not in answer.headers
    assert "refresh" not in answer.headers
    assert "set-cookie" not in answer.headers


@pytest.mark.rfc("8414", "2")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("query", ["", QUERY, "client_secret=xyz"])
@pytest.mark.parametrize("accept", [{}, {"Accept": "application/json"}, {"Accept": "*/*"}])
def test_every_method_gets_the_error_in_json(send, method, query, accept):
    answer = send(method, PATH, query=query, headers=accept)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert_says_nothing_of_the_request(answer)
    if method == "HEAD":
        assert answer.body == b""
    else:
        assert answer.error == (400, "unsupported_response_type")
        assert set(answer.json()) == {"error", "error_description"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("query", ["", QUERY])
def test_a_browser_gets_a_page(send, method, query):
    answer = send(method, PATH, query=query, headers=BROWSER)
    assert answer.status == 400
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "Accept"
    policy = dict(directive.split(" ", 1) for directive in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"]
    assert_says_nothing_of_the_request(answer)
    if method == "HEAD":
        assert answer.body == b""
    else:
        assert answer.body.count(b"<h1>") == 1
        assert b"unsupported_response_type" in answer.body
        assert not re.search(rb"<script|style=|<form", answer.body)


@pytest.mark.parametrize("body", [b"response_type=code&client_id=stranger", b"x" * 70_000, b"\xff\0"])
def test_whatever_is_posted_is_not_looked_at(send, body):
    answer = send.post(PATH, body)
    assert answer.error == (400, "unsupported_response_type")
    assert_says_nothing_of_the_request(answer)


def test_it_is_not_served_over_plain_http(send):
    for headers in ({}, BROWSER):
        answer = send.get(PATH, headers=headers, query=QUERY, secure=False)
        assert answer.error == (400, "invalid_request")
        assert_says_nothing_of_the_request(answer)


def test_it_needs_no_database(asgi, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert asgi.get(PATH, headers=BROWSER, query=QUERY).status == 400
        assert asgi.get(PATH, query=QUERY).status == 400
