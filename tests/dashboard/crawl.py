"""A program: an owner who administers the instance opens every page that links lead to, then sends every form as it stands, on the database of DATABASE_URL.
Prints JSON: how many answers there were of pages and forms, and which were faults of ours.
"""

import json
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from django.conf import settings
from django.utils import timezone

from clients.models import Client, ClientSecret
from dashboard.models import Membership, User
from tests.browser import cast
from tests.dashboard.conftest import Browser

# Of one kind of page, told apart by its address without numbers and IDs, so many are opened.
MAX_OF_A_KIND = 2
ENDS = ("/accounts/sign-out/", "/delete/")


class Page(HTMLParser):
    """The links and forms of a page. A form: its method, address and what it would send."""

    def __init__(self, path: str, content: str) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.forms: list[tuple[str, str, dict[str, str]]] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(given.get("href", ""))
        elif tag == "form":
            self.forms.append((given.get("method", "get").lower(), given.get("action") or self.path, {}))
        elif tag in ("input", "button", "option", "textarea") and self.forms and given.get("name"):
            is_chosen = given.get("type") not in ("checkbox", "radio") or "checked" in given
            if is_chosen and (tag != "button" or given["name"] not in self.forms[-1][2]):
                self.forms[-1][2][given["name"]] = given.get("value", "")


def kind_of(path: str) -> str:
    return re.sub(r"[A-Za-z0-9_-]{16,}|\d+", "…", path.partition("?")[0]) + "?" * ("?" in path)


def is_ours(link: str) -> bool:
    return link.startswith("/") and not link.startswith(("//", "/static/", "/media/"))


def sign_in(person: str) -> Browser:
    browser = Browser(raise_request_exception=False)
    user = User.objects.get(email=f"{person}@example.com")
    browser.force_login(user)
    session = browser.session
    session["account_authentication_methods"] = [{"method": "password", "at": timezone.now().timestamp()}]
    session.save()
    return browser


class Crawl:
    def __init__(self, person: str) -> None:
        self.browser = sign_in(person)
        self.opened: dict[str, set[str]] = {}
        self.faults: list[str] = []
        self.pages: list[Page] = []
        self.sent = 0

    def open_all(self, *paths: str) -> None:
        waiting = list(paths)
        while waiting:
            path = waiting.pop(0).partition("#")[0]
            opened = self.opened.setdefault(kind_of(path), set())
            if path in opened or len(opened) >= MAX_OF_A_KIND or path.endswith(ENDS) or not is_ours(path):
                continue
            opened.add(path)
            answer = self.browser.get(path, headers={"host": "localhost"})
            self.note("GET", path, answer)
            if 300 <= answer.status_code < 400:
                waiting.append(answer["Location"])
            elif answer.status_code == 200 and "text/html" in answer["Content-Type"]:
                page = Page(path, answer.content.decode())
                self.pages.append(page)
                waiting += page.links

    def send_all(self) -> None:
        sent: set[str] = set()
        for page in self.pages:
            for method, action, fields in page.forms:
                kind = f"{kind_of(action)} {sorted(fields)} {fields.get('act')}"
                if method != "post" or kind in sent or action.partition("?")[0].endswith(ENDS) or not is_ours(action):
                    continue
                sent.add(kind)
                self.sent += 1
                self.note("POST", action, self.browser.post(action, fields, headers={"host": "localhost"}))

    def note(self, method: str, path: str, answer: Any) -> None:
        if answer.status_code >= 500:
            error = getattr(answer, "exc_info", None)
            self.faults.append(f"{method} {kind_of(path)} {answer.status_code} {error[1] if error else ''!s:.200}")


def acts_on(client: Client, secret: ClientSecret) -> Iterator[str]:
    """Addresses that buttons open by script only, or that remove something that other pages need."""
    base = f"/w/{client.workspace.slug}/clients/{client.client_id}/"
    yield from (f"{base}secrets/{secret.secret_id}/{act}/" for act in ("revoke", "end", "extend"))
    yield f"{base}rotate/"


settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
cast.create_cast()
owner = Membership.objects.filter(workspace__slug="kestrel", role=Membership.Role.OWNER).select_related("user").earliest("pk").user
# A mailbox, so that mail about a client goes to somebody.
Client.objects.filter(workspace__slug="kestrel").update(contact=owner.email)
counts = {"pages": 0, "forms": 0}
faults: list[str] = []
for person in ("ada", "olga"):
    crawl = Crawl(person)
    start = ["/", "/w/kestrel/", "/accounts/security/", "/accounts/profile/"]
    if person == "ada":
        found = ClientSecret.objects.filter(client__workspace__slug="kestrel").usable(timezone.now()).select_related("client__workspace")
        start += [path for secret in found[:2] for path in acts_on(secret.client, secret)]
    else:
        start = ["/admin/", *start]
    crawl.open_all(*start)
    crawl.send_all()
    counts["pages"] += len(crawl.pages)
    counts["forms"] += crawl.sent
    faults += crawl.faults
json.dump({**counts, "faults": faults}, sys.stdout)
