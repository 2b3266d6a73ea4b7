"""/admin/password_change/"""

import pytest

from clients.models import AuditEvent
from tests import factories
from tests.dashboard.conftest import Browser

NEW = "a-new-horse-and-battery"


def change(browser, old=factories.PASSWORD, new=NEW, again=None):
    return browser.post("/admin/password_change/", {"old_password": old, "new_password1": new, "new_password2": again or new})


def test_the_page_says_what_will_happen(admin):
    assert "All other sessions of your account end" in admin.get("/admin/password_change/").content.decode()


def test_it_changes_the_password(admin, olga):
    assert change(admin)["Location"] == "/admin/password_change/done/"
    olga.refresh_from_db()
    assert olga.check_password(NEW)
    assert admin.get("/admin/password_change/done/").status_code == 200


def test_it_is_recorded(admin, olga):
    before = AuditEvent.objects.filter(event="user.password_changed").count()
    response = change(admin)
    events = AuditEvent.objects.filter(event="user.password_changed")
    assert events.count() == before + 1
    assert (events[0].actor, events[0].request_id) == (f"user:{olga.pk} {olga.email}", response["X-Request-Id"])
    assert NEW not in str(events.values())


def test_other_sessions_end_and_this_one_stays(admin, olga):
    other = Browser()
    other.force_login(olga)
    change(admin)
    assert admin.get("/admin/").status_code == 200
    assert other.get("/admin/").status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "again"), [("wrong", NEW, NEW), (factories.PASSWORD, "short", "short"), (factories.PASSWORD, NEW, "different-and-long")]
)
def test_a_wrong_form_changes_nothing(admin, olga, old, new, again):
    response = change(admin, old, new, again)
    olga.refresh_from_db()
    assert "The password was not changed." in response.content.decode()
    assert olga.check_password(factories.PASSWORD)


def test_an_open_session_is_no_way_to_guess_the_password(admin, settings):
    settings.FAILURES_PER_CLIENT = 2
    for _ in range(2):
        change(admin, "wrong")
    response = change(admin)
    assert response.status_code == 429
    assert "Too many wrong passwords." in response.content.decode()
    assert AuditEvent.objects.filter(event="user.sign_in_failed").count() == 2


def test_only_staff_may_change_it_here(browser, ada):
    browser.force_login(ada)
    assert change(browser)["Location"].startswith("/admin/login/")
