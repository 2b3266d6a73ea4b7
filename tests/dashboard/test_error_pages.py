"""What people and programs see when a request fails."""

import re
import sqlite3
from contextlib import closing
from time import process_time

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import RequestFactory
from django.urls import path

from dashboard import urls
from dashboard.frame import errors
from dashboard.people.permissions import Permission, anyone, member
from tests import factories
from tests.dashboard.conftest import Browser, sign_in, text_of


def fail(error):
    @anyone
    def view(_request):
        raise error

    return view


FAILURES = {
    "400": (fail(SuspiciousOperation("what was sent")), 400, "invalid_request"),
    "403": (fail(PermissionDenied("what is hidden")), 403, "access_denied"),
    "500": (fail(ZeroDivisionError("what went wrong")), 500, "server_error"),
    "503": (fail(OperationalError("connection to 10.0.0.5 failed")), 503, "temporarily_unavailable"),
}


@pytest.fixture(autouse=True)
def _failing_views(settings):
    """Views that fail, below the path of a person and below that of a program."""

    class Module:
        urlpatterns = [path(f"{prefix}{name}", view) for name, (view, _, _) in FAILURES.items() for prefix in ("fails/", "api/fails/")]
        handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500

    settings.ROOT_URLCONF = Module


@pytest.mark.parametrize("name", FAILURES)
def test_people_get_a_page(browser, name):
    _, status, _ = FAILURES[name]
    response = browser.get(f"/fails/{name}")
    text = response.content.decode()
    assert response.status_code == status
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert response["Cache-Control"] == "no-store"
    assert " · TokenOS</title>" in text
    assert text.count("<h1>") == 1
    assert "what " not in text
    assert "10.0.0.5" not in text
    assert "Traceback" not in text
    assert "style=" not in text


@pytest.mark.parametrize("name", FAILURES)
def test_programs_get_json(browser, name):
    _, status, error = FAILURES[name]
    response = browser.get(f"/api/fails/{name}")
    assert response.status_code == status
    assert response.json()["error"] == error
    assert response["Cache-Control"] == "no-store"
    assert "what " not in response.content.decode()


@pytest.mark.parametrize("name", ["500", "503"])
def test_what_failed_on_our_side_can_be_found_by_its_id(browser, name):
    response = browser.get(f"/fails/{name}")
    assert response["X-Request-Id"] in response.content.decode()


def test_a_page_comes_back_when_the_database_does(browser):
    response = browser.get("/fails/503")
    assert (response["Retry-After"], response["Refresh"]) == ("10", "10")


@pytest.mark.django_db(transaction=True)
def test_a_page_opens_even_if_its_visit_cant_be_recorded(settings, demo, ada):
    """SQLite has one writer at a time, and a client's page records the visit in the session."""
    settings.ROOT_URLCONF = urls.__name__
    client, browser = factories.create_client(demo).secret.client, sign_in(ada)
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as writer, connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 1")
        writer.execute("BEGIN IMMEDIATE")
        page = browser.get(f"/w/demo/clients/{client.client_id}/")
        assert (page.status_code, page["Retry-After"], page["Refresh"]) == (503, "10", "10")
        assert "The database is busy" in text_of(page)
        writer.rollback()
        assert browser.get(f"/w/demo/clients/{client.client_id}/").status_code == 200
        cursor.execute("PRAGMA busy_timeout = 5000")


@pytest.mark.apart
@pytest.mark.parametrize(
    ("error", "heading", "sentence"),
    [
        (OperationalError("database or disk is full"), "The database’s disk is full", "The database's disk is full."),
        (OperationalError("attempt to write a readonly database"), "The database is read-only", "The database is read-only."),
        (OperationalError("database is locked"), "The database is busy", "Another program has locked the database."),
        (OperationalError("disk I/O error"), "The database has failed", "The database is damaged, or its disk is failing."),
        (OperationalError("connection to 10.0.0.5 refused"), "The database can’t be reached", "The database can't be reached."),
    ],
)
def test_why_the_database_does_not_work_is_told_apart(browser, settings, caplog, error, heading, sentence):
    settings.ROOT_URLCONF.urlpatterns.extend(path(f"{prefix}fault", fail(error)) for prefix in ("fails/", "api/fails/"))
    page, answer = browser.get("/fails/fault"), browser.get("/api/fails/fault")
    assert (page.status_code, answer.status_code) == (503, 503)
    assert re.search(r"<h1>\s*(.*?)\s*</h1>", page.content.decode())[1] == heading
    assert answer.json()["error_description"] == f"{sentence} Repeat the request later."
    [logged, _] = [record for record in caplog.records if record.name == "tokenos.dashboard"]
    assert logged.reason.startswith(sentence)
    assert len(logged.reason) > len(sentence) + 20
    assert logged.request_id == page["X-Request-Id"]


def test_what_was_sent_is_not_sent_again(browser):
    response = browser.post("/fails/503")
    assert (response.status_code, "Refresh" in response) == (503, False)


@pytest.mark.apart
@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("database or disk is full", "Nothing was changed."),
        ("attempt to write a readonly database", "Nothing was changed."),
        ("database is locked", "Nothing was changed."),
        ("timeout expired: no answer within 3 s", "Your entries may have been saved before the database stopped answering."),
        ("server closed the connection unexpectedly", "Your entries may have been saved before the database stopped answering."),
    ],
)
def test_that_nothing_was_changed_is_said_only_where_that_is_sure(browser, settings, error, said):
    """A database that went away may already have committed."""
    settings.ROOT_URLCONF.urlpatterns.append(path("fails/fault", fail(OperationalError(error))))
    assert said in text_of(browser.post("/fails/fault"))


def test_nothing_at_an_address_is_a_page(browser):
    response = browser.get("/nothing/here")
    assert response.status_code == 404
    assert "There is nothing at this address" in response.content.decode()
    assert "/.well-known/oauth-authorization-server" in response.content.decode()
    assert "/nothing/here" not in response.content.decode()


@pytest.mark.long
def test_the_404_page_can_search_the_workspace_that_was_opened_last(settings, browser, demo, ada):
    settings.ROOT_URLCONF = "dashboard.urls"
    browser.force_login(ada)
    assert "/search/" not in browser.get("/w/demo/nothing/").content.decode()
    browser.get("/w/demo/clients/")
    response = browser.get("/w/demo/clients/nobody/")
    assert response.status_code == 404
    assert 'href="/w/demo/search/"' in response.content.decode()


def test_nothing_at_a_programs_address_is_json(browser):
    response = browser.get("/api/nothing/here")
    assert (response.status_code, response.json()["error"]) == (404, "not_found")


def test_a_foreign_host_at_a_programs_address_is_refused_in_json(browser):
    """For the protocol see tests/oauth/test_host.py."""
    response = browser.get("/api/nothing/here", headers={"host": "evil.example.com"})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_a_page_that_was_open_too_long_says_so(settings):
    settings.ROOT_URLCONF = "dashboard.urls"
    response = Browser(enforce_csrf_checks=True).post("/accounts/sign-in/", {"login": "x", "password": "y"})
    assert response.status_code == 403
    assert "This page was open too long" in response.content.decode()


def test_a_wrong_host_is_refused(browser):
    response = browser.get("/", headers={"host": "evil.example.com"})
    assert response.status_code == 400
    assert "evil.example.com" not in response.content.decode()


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "rot13", "base64", "idna", "utf-16", "iso-8859-1"])
@pytest.mark.parametrize("url", ["/accounts/reset/", "/accounts/sign-in/", "/accounts/hand-over/"])
def test_a_form_that_is_not_in_utf_8_is_refused(settings, browser, url, charset):
    settings.ROOT_URLCONF = "dashboard.urls"
    body = b'--a\r\nContent-Disposition: form-data; name="email"\r\n\r\n+2AA-\\ud800\xff@example.com\r\n--a--\r\n'
    assert browser.generic("POST", url, body, content_type=f"multipart/form-data; boundary=a; charset={charset}").status_code == 400
    assert browser.generic("POST", url, body, content_type="multipart/form-data; boundary=a; charset=UTF8").status_code in (200, 302, 404)


def test_a_failure_before_any_middleware_still_gets_a_page():
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        response = errors.server_error(RequestFactory().get("/x"))
    assert response.status_code == 500
    assert "Request ID" not in response.content.decode()


@pytest.mark.usefixtures("db")
class TestPageThatWasOpenTooLong:
    @pytest.fixture(autouse=True)
    def _real_paths(self, settings):
        settings.ROOT_URLCONF = "dashboard.urls"

    @pytest.fixture
    def stale(self):
        """A browser whose form token is no longer valid."""
        return Browser(enforce_csrf_checks=True)

    def send(self, stale, entries, **headers):
        return stale.post("/accounts/sign-in/?next=/w/", entries, headers={"origin": "https://testserver", **headers})

    def test_it_keeps_the_entries_and_sends_them_again(self, stale):
        text = self.send(stale, {"login": 'ana <b>"x"</b>', "remember": ["1", "2"]}).content.decode()
        assert "Your entries are kept: send them again." in text
        assert 'action="/accounts/sign-in/?next=/w/"' in text
        assert 'name="login" value="ana &lt;b&gt;&quot;x&quot;&lt;/b&gt;"' in text
        assert text.count('name="remember"') == 2
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)[1]
        answer = stale.post("/accounts/sign-in/", {"login": "ana", "csrfmiddlewaretoken": token}, headers={"origin": "https://testserver"})
        assert answer.status_code == 200
        assert 'value="ana"' in answer.content.decode()

    @pytest.mark.parametrize("name", ["password", "oldpassword", "code", "credential", "client_secret", "csrfmiddlewaretoken", "key_pem"])
    def test_it_keeps_no_secret(self, stale, name):
        text = self.send(stale, {"login": "ana", name: "correct-horse"}).content.decode()
        assert "correct-horse" not in text
        assert ("other secrets are not kept" in text) == (name != "csrfmiddlewaretoken")

    def test_it_says_that_files_are_not_kept(self, stale):
        assert "Files are not kept." in self.send(stale, {"picture": SimpleUploadedFile("a.png", b"x")}).content.decode()

    @pytest.mark.parametrize(
        "origin", ["https://evil.example.com", "https://testserver.evil.example.com", "http://testserver", "null", "https://testserver:444"]
    )
    def test_it_gives_another_site_no_button_for_what_that_site_made_up(self, stale, origin):
        text = self.send(stale, {"role": "owner"}, origin=origin).content.decode()
        assert "owner" not in text
        assert "<form" not in text

    def test_it_gives_none_where_nobody_says_where_the_form_was(self, stale):
        text = stale.post("/accounts/sign-in/", {"login": "ana"}).content.decode()
        assert "<form" not in text
        assert "reload the page" in text

    def test_it_copes_with_unusual_input(self, stale):
        text = self.send(stale, {"login": "\0🕛\u202e" + "x" * 10_000, "\0": "y"}).content.decode()
        assert "x" * 10_000 in text

    @pytest.mark.parametrize(
        "entries", [{"login": "x" * 20_000}, {"login": "x", **{f"{number}{'y' * 50}": "" for number in range(400)}}], ids=["a value", "names"]
    )
    def test_it_keeps_no_unusual_input(self, stale, entries):
        text = self.send(stale, entries).content.decode()
        assert "<form" not in text
        assert "xxxx" not in text
        assert "Go back, reload the page and send your entries again." in text

    @pytest.mark.parametrize("piece", ["/reset/", "eyJ", "cookie:\n", "x"])
    def test_what_a_stranger_sends_isnt_looked_through(self, stale, piece):
        """Even with the Origin of our own page."""

        def seconds(origin):
            begun = process_time()
            self.send(stale, {"login": piece * (2_000_000 // len(piece))}, origin=origin)
            return process_time() - begun

        seconds("null")
        assert seconds("https://testserver") < 2 * seconds("null")


@pytest.mark.usefixtures("demo")
class TestRoleTooLow:
    @pytest.fixture(autouse=True)
    def _view(self, settings):
        @member(Permission.MANAGE_MEMBERS)
        def manage(request, membership):
            raise AssertionError

        class Module:
            urlpatterns = [path("w/<slug:workspace>/members/manage/", manage), *urls.urlpatterns]
            handler403, handler404 = urls.handler403, urls.handler404

        settings.ROOT_URLCONF = Module

    def test_the_page_says_who_can_and_leads_back(self, browser, ben):
        browser.force_login(ben)
        response = browser.get("/w/demo/members/manage/")
        text = " ".join(response.content.decode().split())
        assert response.status_code == 403
        assert "<h1>Members</h1>" in text
        assert "<title>Members · Demo · TokenOS</title>" in text
        assert "You are a viewer. ada@example.com can invite people, change their roles and remove them." in text
        assert '<a class="btn tall" href="/w/demo/members/">Back to members</a>' in text

    def test_of_another_workspace_there_is_nothing_and_the_page_is_the_same_for_everybody(self, browser, eve):
        answers = [browser.get("/nothing/here")]
        browser.force_login(eve)
        answers += [browser.get(address) for address in ("/w/demo/members/manage/", "/w/nothing/members/manage/")]
        assert [answer.status_code for answer in answers] == [404, 404, 404]
        assert len({answer.content.decode().replace(answer["X-Request-Id"], "") for answer in answers}) == 1


def test_an_address_that_only_takes_forms_says_so(browser, settings):
    settings.ROOT_URLCONF = "dashboard.urls"
    response = browser.get("/accounts/theme/")
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert "This address only accepts forms." in response.content.decode()


def test_only_what_failed_here_has_an_id_to_tell(browser):
    assert "Request ID" not in browser.get("/nothing/here").content.decode()
    assert "Request ID" in browser.get("/fails/500").content.decode()


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_an_error_page_has_the_theme_of_the_others(browser, theme):
    browser.cookies["__Host-theme"] = theme
    assert f'data-theme="{theme}"' in browser.get("/nothing/here").content.decode()


def test_an_error_page_needs_no_hashed_names_of_files(browser):
    text = browser.get("/fails/500").content.decode()
    assert set(re.findall(r'(?:href|src)="(/static/[^"]+)"', text)) == {"/static/img/favicon.svg", "/static/css/error.css", "/static/js/app.js"}
