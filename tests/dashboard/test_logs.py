"""What is written to stderr, and what never is."""

import json
import logging
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from django.test import RequestFactory

from dashboard.instance.logs import JSONFormatter, RedactingFilter, StrangersFilter
from oauth import log_quota
from oauth.log_quota import LogQuota
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
    assert json.loads(JSONFormatter().format(record))["stack"] == "Stack (most recent call last):\n tos_live_Kp4zR1uW9a…"


@pytest.mark.long
def test_only_the_beginning_of_a_long_text_is_logged():
    """The rest of a secret is cut off too."""
    long = "x" * 8190 + SECRET * 10_000
    error = type("E" * 100_000, (ValueError,), {})
    line = write(long, exc_info=exc_info(error(long)), field=long, fields=[long] * 100, names={f"{number}{long}": long for number in range(100)})
    assert line["message"] == "x" * 8190 + "to… (589,998 more characters)"
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
    assert json.loads(JSONFormatter().format(record))["exception"] == "ValueError: tos_live_Kp4zR1uW9a…"


def test_every_logger_goes_through_the_formatter():
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
    assert SECRET[20:] not in text
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


def test_deep_nesting_is_cut():
    loop = {}
    loop["self"] = loop
    assert "self" in write("x", loop=loop)["loop"]


def test_wrong_arguments_still_make_a_line():
    assert write("%d of %d", SECRET)["message"] == "%d of %d ('tos_live_Kp4zR1uW9a…',)"
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


def test_the_beginning_of_each_path_segment_is_logged():
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


def test_pages_that_are_refused_to_a_network_get_few_lines_of_each_kind(monkeypatch):
    monkeypatch.setattr(log_quota, "refused_requests", LogQuota(seconds=60, lines=10, of_one=2))

    def write_refusal(status, address):
        request = RequestFactory().get("/nothing")
        request.connection = Connection(address, True, None, "an-id")
        extra = {"status_code": status, "request": request}
        record = logging.getLogger("django.request").makeRecord("django.request", logging.WARNING, __file__, 1, "Not Found", (), None, extra=extra)
        return getattr(record, "left_out", None) or 0 if StrangersFilter().filter(record) else "left out"

    sent = [(404, "192.0.2.1")] * 4 + [(403, "192.0.2.1"), (404, "192.0.2.2"), (404, "192.0.2.1")]
    assert [write_refusal(*one) for one in sent] == [0, 0, "left out", "left out", 2, 0, "left out"]
    assert write_refusal(500, "192.0.2.1") != "left out"


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


@pytest.mark.program
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


@pytest.mark.program
def test_a_command_writes_lines_for_people(tmp_path):
    script = tmp_path / "manage.py"
    script.write_text(
        "import logging, sys, django\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "django.setup()\n"
        "logging.getLogger('tokenos.x').info('unseen')\n"
        f"logging.getLogger('tokenos.x').warning('The key %s is old.', {SECRET!r})\n"
    )
    assert run(str(script)) == "WARNING: The key tos_live_Kp4zR1uW9a… is old.\n"
