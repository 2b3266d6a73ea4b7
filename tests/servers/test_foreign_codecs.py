"""A form's sender names its codec, and unknown codecs aren't remembered."""

import json
import subprocess
import sys

import pytest

from tests.servers.conftest import Server

LOOKED_FOR = """
import codecs, encodings, json
from dashboard.server.known_codecs import forget_others
forget_others()
forget_others()
def find(name):
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None
before = len(encodings._cache)
lost = [find(f"stranger-{number}") for number in range(1000)]
kept = len(encodings._cache) - before
print(json.dumps([[find(name) for name in %r], set(lost) == {None}, kept]))
"""
KNOWN = ["UTF-8", "latin-1", "iso8859_15", "ISO-8859-1", "cp1252", "utf-16-le", "idna", "punycode", "u8", "windows-1251", "shift_jis", "ansi_x3.4_1968"]


def test_only_codecs_that_there_are_are_looked_for() -> None:
    done = subprocess.run([sys.executable, "-c", LOOKED_FOR % KNOWN], capture_output=True, text=True, check=True)
    found, are_others_lost, kept = json.loads(done.stdout)
    assert (None not in found, are_others_lost, kept) == (True, True, 0)


@pytest.mark.parametrize("kind", ["text/plain; charset*=stranger''%41", "multipart/form-data; boundary*=idna''%ff", "a/b; charset=stranger", "x" * 5000])
def test_content_type_that_is_none_is_no_fault_of_ours(server: Server, kind: str) -> None:
    head = f"POST /accounts/sign-in/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: 3\r\n\r\na=b"
    assert server.exchange(head.encode()).status == 403
    assert "Traceback" not in server.log.read_text()
