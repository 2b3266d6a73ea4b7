"""What is no form, or has a credential in its URL, is refused at each endpoint that authenticates clients (RFC 6749 §2.3.1, §3.2, appendix B)."""

import pytest

from tests.cases import Each
from tests.oauth.test_error_table import GOOD, PATHS, assert_error


@pytest.fixture
def path():
    return Each(PATHS)


@pytest.mark.rfc("6749", "3.2")
@pytest.mark.parametrize("parameter", ["grant_type", "scope", "client_id", "client_secret", "token", "token_type_hint", "foo"])
@pytest.mark.parametrize("values", [("a", "a"), ("a", "b"), ("a", "", "b")])
def test_a_repeated_parameter(send, billing, path, parameter, values):
    form = [*GOOD[path].items(), *((parameter, value) for value in values)]
    assert_error(send.post(path, form, billing.basic), 400, "invalid_request")


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("empty", [True, False])
def test_a_missing_or_empty_parameter(send, billing, path, empty):
    form = dict.fromkeys(GOOD[path], "") if empty else {}
    assert_error(send.post(path, form, billing.basic), 400, "invalid_request")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("", None), ("application/json", b'{"grant_type":"client_credentials"}'), ("multipart/form-data; boundary=x", b"--x--"), ("text/plain", None),
        ("application/x-www-form-urlencoded,application/x-www-form-urlencoded", None), ("application/x-www-form-urlencoded2", None),
    ],
)  # fmt: skip
def test_another_content_type(send, billing, path, content_type, body):
    body = b"grant_type=client_credentials&token=a.b.c" if body is None else body
    assert_error(send.post(path, body, billing.basic, headers={"Content-Type": content_type}), 400, "invalid_request")


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.parametrize(
    "query",
    [
        "client_id=x",
        "client_secret=x",
        "client_assertion=x",
        "client_assertion_type=x",
        "token=x",
        "a=b&access_token=x",
        "client%5Fsecret=x",
        "client_id",
        "client_id=",
    ],
)
def test_credentials_in_the_query(send, billing, path, query):
    assert_error(send.post(path, GOOD[path], billing.basic, query=query), 400, "invalid_request")


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.parametrize(
    "query",
    [
        "client_id=x",
        "client_secret=x",
        "client_assertion=x",
        "client_assertion_type=x",
        "token=x",
        "a=b&access_token=x",
        "client%5Fsecret=x",
        "client_id",
        "client_id=",
    ],
)
def test_credentials_in_the_query_of_a_get_are_the_worse_mistake(send, billing, path, query):
    answer = send.get(path, billing.basic, query=query)
    assert_error(answer, 405, "invalid_request")
    assert answer.headers["allow"] == "POST"
    assert answer.json()["error_description"].startswith("Credentials must not be in the URL.")
