"""Watches a browser and its server: a secret is in one response only, the one that shows it, and a token is in none."""

import json
import re
from collections import defaultdict
from urllib.parse import unquote

from playwright.sync_api import BrowserContext, Error, Request, Response

from clients import secret
from tests.servers.conftest import Server
from tests.servers.traces import find, read_files

_SECRET = re.compile(r"tos_(?:live|test)_\w+", re.ASCII)
# Signed and complete. One that is cut off, as pages show one that somebody pasted, is of no use.
_TOKEN = re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{40,}", re.ASCII)
# What pages and exports come as.
_READ = ("text/html", "text/csv", "text/plain", "application/json", "application/x-ndjson")
_TAG = re.compile(r"<[^>]*>")
_READ_SESSIONS = """
import json
from django.contrib.sessions.models import Session
print(json.dumps([session.get_decoded() for session in Session.objects.all()], default=str))
"""


def find_secrets(text: str) -> set[str]:
    """Complete secrets only; examples in texts are incomplete."""
    return {found for found in _SECRET.findall(text) if secret.parse(found)}


class Watch:
    def __init__(self) -> None:
        self.shown: dict[str, set[str]] = defaultdict(set)
        self.complaints: list[str] = []
        self.pages = 0
        self.searched: set[str] = set()

    def follow(self, context: BrowserContext) -> None:
        context.on("request", self._look_at_request)
        context.on("response", self._look_at_response)

    def _look_at_request(self, request: Request) -> None:
        """The address of a data: download contains what the page shows anyway, and never leaves the browser."""
        url = unquote(request.url)
        if not url.startswith("data:") and (find_secrets(url) or _TOKEN.search(url)):
            self.complaints.append(f"an address holds a secret: {url[:40]}…")

    def _look_at_response(self, response: Response) -> None:
        for name, value in response.headers.items():
            if find_secrets(unquote(value)) or _TOKEN.search(value):
                self.complaints.append(f"the header {name} of {response.url[:60]} holds a secret")
        if not response.headers.get("content-type", "").startswith(_READ) or 300 <= response.status < 400:
            return
        try:
            html = response.text()
        except Error:
            return  # the browser went on before it was read
        self.pages += 1
        where = f"{response.request.method} {response.url}"
        # The panel marks the parts of a secret, and its download is encoded.
        texts = (html, _TAG.sub("", html), unquote(html))
        if any(_TOKEN.search(text) for text in texts):
            self.complaints.append(f"a token stands in the answer to {where}")
        for found in set().union(*map(find_secrets, texts)):
            self.shown[found].add(f"{self.pages} {where}")
            if response.request.method != "POST" or "no-store" not in response.headers.get("cache-control", ""):
                self.complaints.append(f"a secret stands in the answer to {where}, which a browser may keep")

    def search(self, server: Server) -> None:
        """Raise AssertionError if a response, or what the server stores, contains a secret. Called after each module, for its own secrets."""
        repeated = [sorted(where) for where in self.shown.values() if len(where) > 1]
        assert repeated == []
        assert self.complaints == []
        sessions = server.fork("shell", "--no-imports", "-c", _READ_SESSIONS)
        assert sessions.returncode == 0, sessions.stderr
        places = {**read_files(server), "log": server.log.read_bytes(), "sessions": sessions.stdout.encode()}
        json.loads(sessions.stdout)
        new, self.searched = set(self.shown) - self.searched, set(self.shown)
        needles = {f"secret {shown.split('_')[2]}": shown.rpartition("_")[2][:16].encode() for shown in new}
        assert find(needles, places) == set()
        for name, content in places.items():
            text = content.decode("latin-1")
            assert find_secrets(text) == set(), name
            assert _TOKEN.search(text) is None, name
