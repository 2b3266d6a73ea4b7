"""Whatever a stranger sends, the response isn't a server error and the log gets no traceback, which would bury those that matter."""

import io
import json
import logging

import pytest
from django.test import Client

from dashboard.people.permissions import Access
from oauth import log_quota
from tests.dashboard.test_permissions import ROUTES

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unmeasured")]

OPEN = sorted({route.url() for route in ROUTES if route.access is Access.ANYONE})
PATHS = [
    *OPEN,
    "/admin/",
    "/admin/login/",
    "/admin/jsi18n/",
    "/w/demo/clients/",
    "/w/demo/leak/",
    "/static/nothing.css",
    "/nothing",
    "/oauth2/token",
    "/gateway/demo/verify",
]
# One of each kind: with these, everything is tried, and with the others, each header once.
KINDS = [
    "/accounts/sign-in/",
    "/accounts/sso/callback/",
    "/admin/login/",
    "/w/demo/clients/",
    "/static/nothing.css",
    "/nothing",
    "/oauth2/token",
    "/gateway/demo/verify",
]
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"


def part(head, body="v"):
    return f"--x\r\n{head}\r\n\r\n{body}\r\n--x--\r\n".encode("utf-8", "surrogateescape")


BODIES = {
    "nothing": (FORM, b""),
    "NUL": (FORM, b"email=%00&password=%00&token=%00&next=%00"),
    "no UTF-8": (FORM, b"email=%ff%fe&password=\xff&next=\xff"),
    "surrogate": (FORM, b"email=%ed%a0%80&password=%ed%a0%80"),
    "many fields": (FORM, b"&".join(b"a%d=1" % number for number in range(1100))),
    "separators only": (FORM, b"&=&=&;;&" * 100),
    "no boundary": ("multipart/form-data", b"x"),
    "empty boundary": ("multipart/form-data; boundary=", b"x"),
    "long boundary": ("multipart/form-data; boundary=" + "x" * 300, b"x"),
    "boundary that is no ASCII": ("multipart/form-data; boundary=\xe9", b"x"),
    "cut multipart": (MULTIPART, b"--x\r\nContent-Disposition: form-data; name=email\r\n"),
    "multipart without a name": (MULTIPART, part("Content-Disposition: form-data")),
    "multipart with bad base64": (MULTIPART, part("Content-Disposition: form-data; name=email\r\nContent-Transfer-Encoding: base64", "!")),
    "multipart with bad base64 in a file": (
        MULTIPART,
        part("Content-Disposition: form-data; name=f; filename=a\r\nContent-Transfer-Encoding: base64", "!" * 9),
    ),
    "file with a strange name": (MULTIPART, part("Content-Disposition: form-data; name=f; filename*=x''%ff%00../..")),
    "file with a strange charset": (MULTIPART, part("Content-Disposition: form-data; name=f; filename*=nothing''a")),
    "many files": (MULTIPART, b"".join(b"--x\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\n\r\n" for _ in range(150)) + b"--x--\r\n"),
    "long head of a part": (MULTIPART, part("Content-Disposition: form-data; name=" + "n" * 70_000)),
    "JSON": ("application/json", b"[" * 3000),
    "text that is none": ("text/plain; charset=unicode_escape", b"\\ud800"),
    "charset UTF-16": (FORM + "; charset=utf-16", b"email=a"),
    "charset idna": (FORM + "; charset=idna", b"email=\xff"),
    "charset base64": (FORM + "; charset=base64", b"email=!"),
    "charset that is none": (FORM + "; charset=\xff", b"email=a"),
    "type that is none": ("\xff/\xff;;=;", b"x"),
}
QUERIES = [
    "%00",
    "next=%00",
    "next=//evil.example",
    "next=http://[",
    "next=%ed%a0%80",
    "page=%C2%B2",
    "page=" + "9" * 50,
    "page=-1",
    "q=%ff",
    "a&" * 2000,
    "token=%00&uid=%00",
    "code=%00&state=%00",
]
HEADERS = {
    "Host": ["", "evil.example", "[", "a b", "\xff", "localhost:99999999", "localhost:x", "[::1", "x" * 300],
    "Origin": ["null", "http://[", "https://evil.example", "\xff", "https://localhost:x"],
    "Referer": ["http://[", "https://localhost:x/", "https://evil.example/", "\xff", "//"],
    "Cookie": [
        "__Host-session=" + "x" * 5000,
        "__Host-session=\xff",
        "__Host-csrf=" + "!" * 32,
        "__Host-csrf=\xff; __Host-csrf=" + "a" * 64,
        "messages=x:y:z",
        '=; =;;; a="',
        "; ".join(
            f"{name}=\xff\0%00"
            for name in ("theme", "time_zone", "devices", "sso", "messages", "__Host-theme", "__Host-form", "__Host-devices", "__Host-sso", "__Host-time-zone")
        ),
    ],
    "Accept": ["\xff", "text/html;q=x", "*/*;" * 500],
    "Accept-Language": ["\xff", "x" * 3000, "en;q=x", "-,-"],
    "If-None-Match": ["\xff", '"', "*"],
    "If-Modified-Since": ["\xff", "Mon, 99 Foo 99999 99:99:99 GMT", "Sun, 06 Nov 0000 08:49:37 GMT"],
    "Range": ["bytes=9-1", "bytes=" + "9" * 5000 + "-", "\xff", "bytes=²-"],
    "Authorization": ["\xff", "Basic \xff", "Basic =", "Basic Og==", "Bearer \xff", "DPoP " + "." * 50],
    "User-Agent": ["\xff" * 2000, "\0", "(" * 5000],
    "HX-Request": ["\xff"],
    "X-HTTP-Method-Override": ["DELETE"],
}
PATHS_THAT_ARE_NONE = [
    "/%00",
    "/w/%00/",
    "/accounts/reset/%00/",
    "/accounts/invite/%ff/",
    "/static/%00",
    "/static/..%2f..%2fetc",
    "/static/%ff",
    "/w/" + "x" * 3000 + "/",
    "/accounts/reset/%ed%a0%80/",
    "//evil.example/",
    "/admin/%00/",
    "/admin/%ff/",
    "/accounts/invite/\xff/",
]


@pytest.fixture
def written():
    """The lines of the log, as the server writes them."""
    stream = io.StringIO()
    (handler,) = [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
    before = handler.setStream(stream)
    # What was refused before, also by other tests, has used up lines.
    log_quota.refused_requests._lines.clear()
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    handler.setStream(before)


def ask(method, path, *, body=("", b""), query="", checks_csrf=True, **headers):
    client = Client(enforce_csrf_checks=checks_csrf, raise_request_exception=False, headers={"Host": "localhost", **headers})
    kind, content = body
    return client.generic(method, path, content, content_type=kind, secure=True, QUERY_STRING=query)


def assert_clean(written, answers):
    faults = [line for line in written() if "exception" in line or "stack" in line or line["level"] in ("ERROR", "CRITICAL")]
    assert not faults, json.dumps(faults[0], indent=1).replace("\\n", "\n")
    assert not [what for what, status in answers if status >= 500]


def assert_no_body_makes_a_traceback(path, written):
    answers = []
    for checks_csrf in (True, False) if path in KINDS else (False,):
        for name, body in BODIES.items():
            answers.append(((path, name), ask("POST", path, body=body, checks_csrf=checks_csrf).status_code))
    assert_clean(written, answers)


def assert_no_query_and_no_header_makes_a_traceback(path, written):
    answers = [((path, query), ask("GET", path, query=query).status_code) for query in QUERIES]
    number = PATHS.index(path)
    chosen = HEADERS if path in KINDS else {name: [values[number % len(values)]] for name, values in HEADERS.items()}
    for name, value in [(name, value) for name, values in chosen.items() for value in values]:
        answers.append(((path, name, value), ask("GET", path, **{name: value}).status_code))
        answers.append(((path, name, value, "POST"), ask("POST", path, body=(FORM, b"email=a"), **{name: value}).status_code))
    assert_clean(written, answers)


@pytest.mark.long
@pytest.mark.parametrize("path", KINDS)
def test_no_body_of_a_stranger_makes_a_traceback(path, written):
    assert_no_body_makes_a_traceback(path, written)


@pytest.mark.long
@pytest.mark.parametrize("path", KINDS)
def test_no_query_and_no_header_of_a_stranger_makes_a_traceback(path, written):
    assert_no_query_and_no_header_makes_a_traceback(path, written)


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in PATHS if path not in KINDS])
def test_nor_do_they_at_any_other_path(path, written):
    assert_no_body_makes_a_traceback(path, written)
    assert_no_query_and_no_header_makes_a_traceback(path, written)


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PROPFIND", "X" * 100])
def test_no_path_and_no_method_of_a_stranger_makes_a_traceback(method, written):
    assert_clean(written, [((method, path), ask(method, path).status_code) for path in [*PATHS_THAT_ARE_NONE, *PATHS]])


def test_refusal_is_a_warning_without_traceback_and_a_fault_of_ours_has_both(written):
    ask("POST", "/admin/login/", body=(FORM, b"username=a"))
    lines = written()
    assert [(line["level"], "exception" in line) for line in lines] == [("WARNING", False)]
    logging.getLogger("django.request").error("Internal Server Error", exc_info=ValueError("x"), extra={"status_code": 500})
    assert "ValueError" in written()[-1]["exception"]


FOREIGN = "sk-live-0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Host": f"{FOREIGN}.example"}, "Invalid HTTP_HOST header: sk-live-0123…. You may need to add it to ALLOWED_HOSTS."),
        ({"Host": f"{FOREIGN}'\"_"}, "Invalid HTTP_HOST header: sk-live-0123…. You may need to add it to ALLOWED_HOSTS."),
        (
            {"Origin": f"https://{FOREIGN}"},
            "Forbidden (Origin checking failed - https://sk-live-0123… does not match any trusted origins.): /accounts/sign-in/",
        ),
        ({"Origin": FOREIGN}, "Forbidden (Origin checking failed - sk-live-0123… does not match any trusted origins.): /accounts/sign-in/"),
        (
            {"Referer": f"https://{FOREIGN}/"},
            "Forbidden (Referer checking failed - https://sk-live-0123… does not match any trusted origins.): /accounts/sign-in/",
        ),
        (
            {"Referer": f"https://a/{FOREIGN}"},
            "Forbidden (Referer checking failed - https://a/sk-live-01… does not match any trusted origins.): /accounts/sign-in/",
        ),
        ({"Referer": FOREIGN}, "Forbidden (Referer checking failed - Referer is malformed.): /accounts/sign-in/"),
        ({}, "Forbidden (Referer checking failed - no Referer.): /accounts/sign-in/"),
    ],
)
def test_the_log_keeps_the_beginning_of_a_refused_header(written, headers, said):
    """Programs put credentials into any field."""
    ask("POST", "/accounts/sign-in/", body=(FORM, b"login=a"), **headers)
    assert said in [line["message"] for line in written()]
    assert FOREIGN[:20] not in json.dumps(written())


def test_of_what_else_django_quotes_of_a_request_the_log_keeps_the_beginning(written):
    logging.getLogger("django.security.SuspiciousFileOperation").error(f"Detected path traversal attempt in '../{FOREIGN}'")
    logging.getLogger("django.security.TooManyFieldsSent").error("%d fields", 9)
    assert [line["message"] for line in written()] == ["Detected path traversal attempt in '../sk-live-0…'", "9 fields"]
