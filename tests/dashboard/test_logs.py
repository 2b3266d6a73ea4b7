"""What is written to stderr, and what never is."""

import json
import logging
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from time import process_time

import pytest
from django.test import RequestFactory

from dashboard.instance.logs import JSONFormatter, RedactingFilter, StrangersFilter, redact
from oauth.messages import Connection

ROOT = Path(__file__).resolve().parents[2]
SECRET = "tos_live_Kp4zR1uW9a_" + "x" * 39
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
BASIC = "dXNlcjpwYXNzd29yZC1vZi1zb21lLWxlbmd0aA=="
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB\nabc\n-----END EC PRIVATE KEY-----"


def write(message, *args, exc_info=None, level=logging.INFO, **extra):
    """The line that a record becomes, parsed."""
    record = logging.getLogger("tokenos.test").makeRecord("tokenos.test", level, __file__, 1, message, args, exc_info, extra=extra)
    assert RedactingFilter().filter(record)
    line = JSONFormatter().format(record)
    assert "\n" not in line
    return json.loads(line)


def exc_info(error):
    try:
        raise error
    except type(error):
        return sys.exc_info()


def test_a_line_says_when_what_and_who():
    line = write("Refused %s", "billing-sync", request_id="0123456789abcdef", client_id="abc")
    assert datetime.fromisoformat(line.pop("time")).utcoffset().total_seconds() == 0
    assert line == {"level": "INFO", "logger": "tokenos.test", "message": "Refused billing-sync", "request_id": "0123456789abcdef", "client_id": "abc"}


def test_an_exception_is_text():
    line = write("Failed", exc_info=exc_info(ValueError("boom")))
    assert line["exception"].endswith("ValueError: boom")


def test_logging_exc_info_without_an_exception_is_harmless():
    assert "exception" not in write("Failed", exc_info=(None, None, None))


def test_a_stack_is_text():
    record = logging.makeLogRecord({"msg": "Here", "stack_info": f"Stack (most recent call last):\n {SECRET}"})
    RedactingFilter().filter(record)
    assert json.loads(JSONFormatter().format(record))["stack"] == "Stack (most recent call last):\n [redacted]"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"It was {SECRET}.", "It was [redacted]."),
        (SECRET.replace("live", "test"), "[redacted]"),
        ("cut off: tos_live_Kp4z", "cut off: [redacted]"),
        (f"token {JWT} expired", "token [redacted] expired"),
        (f'{{"said": "\\n{JWT}"}}', '{"said": "\\[redacted]"}'),
        (f"{SECRET}-{JWT} {JWT}.x", "[redacted] [redacted].x"),
        (f"a.{JWT} a-{SECRET}-{JWT}", "a.[redacted] [redacted]"),
        (f"Basic {BASIC}", "Basic [redacted]"),
        ("DPoP 0123456789abcdefghij", "DPoP [redacted]"),
        ("Authorization: Basic short", "Authorization: [redacted]"),
        ("{'Authorization': 'Basic short', 'Accept': '*/*'}", "{'Authorization': [redacted], 'Accept': '*/*'}"),
        ("(b'authorization', b'Basic short')", "(b'authorization', b[redacted])"),
        ('{"HTTP_X_API_KEY": "abc"}', '{"HTTP_X_API_KEY": [redacted]}'),
        ("Cookie: __Host-session=abc", "Cookie: [redacted]"),
        ("DPoP: not-a-jwt-but-long-enough", "DPoP: [redacted]"),
        (f"'dpop': '{JWT}'", "'dpop': '[redacted]'"),
        ("GET /x?client_secret=abc&scope=read", "GET /x?client_secret=[redacted]&scope=read"),
        ("password=hunter2", "password=[redacted]"),
        (f"key {PEM} end", "key [redacted] end"),
        ("-----BEGIN PRIVATE KEY-----\nMIGH", "[redacted]"),
    ],
)
def test_what_looks_like_a_credential_is_taken_out(text, redacted):
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "Client authentication by Basic authentication failed.",
        "The proof of DPoP, which the client must use, is missing.",
        "No bearer token. Send one in the Authorization header.",
        "The monkeyjobs.example.com client",
        "secret Kp4zR1uW9a was revoked",
        "token_endpoint=https://localhost:8443/oauth2/token",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_what_only_speaks_of_credentials_stays(text):
    assert redact(text) == text


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/hand-over//{}/",
        "/accounts/hand-over/ {}/",
        '/accounts/hand-over/"{}"/',
        "/accounts//hand-over/{}/",
        "/hand-over/{}/",
        "/accounts/handover/{}/",
    ],
)
def test_a_damaged_link_is_redacted_as_well(path):
    token = "k3-_" * 11
    assert token[:32] not in redact(f"Not Found: {path.format(token)}")


@pytest.mark.parametrize(
    "piece", ["eyJ", "eyJ-", "eyJa.", "eyJa.eyJ", "a.eyJ", "-----BEGIN ", "tos_live_", "Basic ", "cookie:\n", "token", "/accounts/reset/a", "/accounts/"]
)
def test_a_long_text_is_read_in_one_go(piece):
    """No clock is looked at: what took time by the square of the length would take hours."""
    redact(piece * (1_000_000 // len(piece)))


@pytest.mark.parametrize("piece", ["/reset/", "/reset/" + "a" * 31 + "/", "/accounts/", "/hand-over/ "])
def test_what_links_are_made_of_takes_no_longer_than_other_text(piece):
    def seconds(text):
        begun = process_time()
        redact(text)
        return process_time() - begun

    texts = [of * (300_000 // len(of)) for of in (piece, "lorem ipsum ")]
    links, others = (min(seconds(text) for _ in range(3)) for text in texts)
    assert links < 1.7 * others


def test_of_a_long_text_only_the_beginning_is_written():
    """What of a secret stands behind is gone with it."""
    long = "x" * 8190 + SECRET * 100_000
    error = type("E" * 100_000, (ValueError,), {})
    line = write(long, exc_info=exc_info(error(long)), field=long, fields=[long] * 100, names={f"{number}{long}": long for number in range(100)})
    assert line["message"] == "x" * 8190 + "to… (5,899,998 more characters)"
    assert line["field"] == line["message"]
    assert len(line["fields"]) == len(line["names"]) == 50
    assert len(json.dumps(line)) < 2_000_000
    assert line["exception"].startswith("Traceback (most recent call last):")
    assert "tos_" not in json.dumps(line)


def test_a_deep_traceback_keeps_its_beginning_and_its_end():
    def dive(depth):
        if not depth:
            raise ValueError("here it ends")
        dive_on(depth)

    def dive_on(depth):
        dive(depth - 1)

    try:
        dive(100)
    except ValueError:
        text = write("Failed", exc_info=sys.exc_info())["exception"]
    assert text.startswith("Traceback (most recent call last):")
    assert "entries left out" in text
    assert text.endswith("ValueError: here it ends")


def test_a_traceback_that_another_formatter_wrote_is_redacted():
    record = logging.makeLogRecord({"msg": "Here", "exc_text": f"ValueError: {SECRET}"})
    RedactingFilter().filter(record)
    assert json.loads(JSONFormatter().format(record))["exception"] == "ValueError: [redacted]"


def test_nothing_passes_by_another_way():
    class Leak:
        def __str__(self):
            return SECRET

    line = write(
        "got %s and %r",
        SECRET,
        {"a": JWT},
        exc_info=exc_info(ValueError(f"bad {SECRET}")),
        nested={"list": [SECRET, {SECRET: JWT}], "password": "hunter2"},
        client_secret="hunter2",
        other=Leak(),
    )
    text = json.dumps(line)
    assert "tos_live" not in text
    assert "eyJ" not in text
    assert "hunter2" not in text
    assert line["client_secret"] == line["nested"]["password"] == "[redacted]"


class Unprintable:
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Path("/tmp"), "/tmp"),
        (b"\xff", "b'\\xff'"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (0.5, 0.5),
        (None, None),
        ({1}, [1]),
        (Unprintable(), "<Unprintable>"),
        ("\udc80", "\udc80"),
    ],
)
def test_what_json_lacks_becomes_text(value, shown):
    assert write("x", field=[value])["field"] == [shown]


def test_endless_nesting_ends():
    loop = {}
    loop["self"] = loop
    assert "self" in write("x", loop=loop)["loop"]


def test_wrong_arguments_still_make_a_line():
    assert write("%d of %d", SECRET)["message"] == "%d of %d ('[redacted]',)"
    assert "<tuple>" in write("%s", Unprintable())["message"]


def test_an_extra_field_cant_replace_a_standard_one():
    line = write("x", time="never", logger="none")
    assert line["logger"] == "tokenos.test"
    assert line["time"] != "never"


def test_djangos_request_becomes_method_path_and_id():
    request = RequestFactory().get(f"/x?client_secret={SECRET}")
    request.connection = Connection("", is_secure=True, client_certificate=None, request_id="0123456789abcdef")
    line = write("Not Found: /x", request=request, status_code=404)
    assert {line["method"], line["path"], line["request_id"], line["status_code"]} == {"GET", "/x", "0123456789abcdef", 404}
    assert "client_secret" not in json.dumps(line)


def test_of_each_segment_of_a_path_the_beginning_is_written():
    path = f"/w/demo/{'x' * 30}/"
    line = write("%s: %s", "Not Found", path, request=RequestFactory().get(path))
    assert line["message"] == f"Not Found: /w/demo/{'x' * 12}…/"
    assert line["path"] == f"/w/demo/{'x' * 12}…/"


def test_a_request_that_no_middleware_has_seen_has_no_id():
    assert "request_id" not in write("x", request=RequestFactory().get("/x"))


@pytest.mark.parametrize(
    ("logger", "status", "expected"),
    [
        ("django.security.DisallowedHost", 400, ("WARNING", False)),
        ("django.security.TooManyFieldsSent", 400, ("WARNING", False)),
        ("django.security.csrf", 403, ("WARNING", False)),
        ("django.request", 403, ("WARNING", False)),
        ("django.request", 500, ("ERROR", True)),
        ("tokenos.oauth", 403, ("ERROR", True)),
    ],
)
def test_what_a_stranger_did_wrong_is_one_warning_without_traceback_and_what_we_did_wrong_an_error_with_it(logger, status, expected):
    record = logging.getLogger(logger).makeRecord(logger, logging.ERROR, __file__, 1, "Failed", (), exc_info(ValueError("x")), extra={"status_code": status})
    assert StrangersFilter().filter(record)
    RedactingFilter().filter(record)
    line = json.loads(JSONFormatter().format(record))
    assert (line["level"], "exception" in line) == expected


SERVER = """
import logging, django
django.setup()
from django.test import Client
logging.getLogger("tokenos.x").info("started")
logging.getLogger("tokenos.x").debug("unseen")
Client(headers={"host": "localhost"}).get("/nothing?client_secret=hunter2", secure=True)
Client(headers={"host": "evil.example.com"}).get("/nothing", secure=True)
logging.getLogger("django.server").info('"GET /x?token=hunter2 HTTP/1.1" 200 5')
"""


def run(*command):
    return subprocess.run([sys.executable, *command], cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=60, check=False).stderr


def test_the_server_writes_one_object_a_line():
    output = run("-c", SERVER)
    assert "hunter2" not in output
    lines = [json.loads(line) for line in output.splitlines()]
    assert [(line["logger"], line["level"]) for line in lines] == [
        ("tokenos.x", "INFO"),
        ("django.request", "WARNING"),
        ("django.security.DisallowedHost", "WARNING"),
        ("django.server", "INFO"),
    ]


def test_a_command_writes_lines_for_people(tmp_path):
    script = tmp_path / "manage.py"
    script.write_text(
        "import logging, sys, django\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "django.setup()\n"
        "logging.getLogger('tokenos.x').info('unseen')\n"
        f"logging.getLogger('tokenos.x').warning('The key %s is old.', {SECRET!r})\n"
    )
    assert run(str(script)) == "WARNING: The key [redacted] is old.\n"
