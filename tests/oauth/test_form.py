"""Anything but a form, or a credential in the URL, is refused at each endpoint that authenticates clients (RFC 6749 §2.3.1, §3.2, appendix B)."""

import pytest

from oauth.form import MAX_ESCAPES
from tests.cases import Each
from tests.oauth.doors import FORM
from tests.oauth.test_endpoint import GOOD, PATHS, assert_error

# Queries that must not stand in a URL.
WITH_CREDENTIALS = [
    "client_id=x",
    "client_secret=x",
    "client_assertion=x",
    "client_assertion_type=x",
    "token=x",
    "a=b&access_token=x",
    "client%5Fsecret=x",
    "client_id",
    "client_id=",
]


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
@pytest.mark.parametrize("query", WITH_CREDENTIALS)
def test_credentials_in_the_query(send, billing, path, query):
    assert_error(send.post(path, GOOD[path], billing.basic, query=query), 400, "invalid_request")


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.parametrize("query", WITH_CREDENTIALS)
def test_credentials_in_the_query_of_a_get_are_the_worse_mistake(send, billing, path, query):
    answer = send.get(path, billing.basic, query=query)
    assert_error(answer, 405, "invalid_request")
    assert answer.headers["allow"] == "POST"
    assert answer.json()["error_description"].startswith("Credentials must not be in the URL.")


def test_a_hundred_parameters_are_read_and_no_more(send, billing):
    for number, status in ((99, 200), (100, 400)):
        body = b"grant_type=client_credentials" + b"".join(b"&a%d=b" % one for one in range(number))
        assert send.post("/oauth2/token", body, billing.basic).status == status


@pytest.mark.parametrize(
    "body", [b"grant%5Ftype=client%5Fcredentials", b"%67rant_type=client_credentials&scope=%72ead", b"grant_type=client_credentials&scope=read+write"]
)
def test_percent_encoding_means_the_same_as_the_character(send, billing, body):
    assert send.post("/oauth2/token", body, billing.basic).status == 200


@pytest.mark.parametrize("escapes", [b"%", b"%41", b"%zz"])
def test_a_body_of_thousands_of_escapes_is_refused_unread(send, billing, path, escapes):
    """Decoding 64 KB of them takes eight times as long as reading plain bytes."""
    body = b"grant_type=client_credentials&a=" + escapes * (MAX_ESCAPES + 1)
    answer = send("POST", path, body=body, headers={"Authorization": billing.basic, "Content-Type": FORM})
    assert answer.status == 400
    assert answer.json()["error"] == "invalid_request"
    assert "more than 4096 percent-encoded octets" in answer.json()["error_description"]


def test_such_a_body_over_plain_http_counts_as_one_with_credentials(send, billing, path):
    answer = send("POST", path, body=b"a=" + b"%41" * (MAX_ESCAPES + 1), headers={"Content-Type": FORM}, secure=False)
    assert answer.status == 400
    assert "treat the credentials that were sent without TLS as leaked" in answer.json()["error_description"]
