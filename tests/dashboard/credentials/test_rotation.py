"""Rotating a secret: the choice as a picture, who still uses the old one, and the new secret shown once."""

import re
from datetime import UTC, timedelta

import pytest
from django.utils import timezone

from clients.models import AuditEvent, Client, ClientSecret
from clients.services import credential_limits, secrets
from clients.services.workspaces import change_workspace
from dashboard.client.credentials.views import rotation
from dashboard.client.credentials.views import secrets as secrets_view
from dashboard.frame.moment import say_day
from dashboard.frame.spent_forms import new_token
from tests import factories
from tests.dashboard.conftest import Browser, text_of
from tests.dashboard.credentials.conftest import url, use

DAY = timedelta(days=1)
SECRET = re.compile(r"tos_live_\w{40,}")


def page_of(client):
    return url(client, "rotate")


def once_of(browser, path):
    return re.search(r'name="once" value="([^"]+)"', browser.get(path).content.decode())[1]


def rotate(browser, client, **fields):
    return browser.post(page_of(client), {"once": new_token(), "overlap": "24h", "until": "", "name": "", "secret_expiry": "", **fields})


def preview(browser, client, **fields):
    """Request the preview as the script does, with the whole form."""
    return browser.post(page_of(client), {"once": new_token(), "name": "", "secret_expiry": "", **fields}, headers={"HX-Request": "true"})


def plain(page):
    """The secret, which the page shows in parts."""
    return SECRET.search(text_of(re.sub(r"</?span[^>]*>", "", page.content.decode())))[0]


def test_the_form_asks_for_the_overlap_and_24_hours_is_the_default(danas, client_, secret):
    use(secret, "198.51.100.7")
    use(secret, "203.0.113.61")
    page = danas.get(page_of(client_))
    text = text_of(page)
    assert "How long should both secrets work? End old secret now 1 hour 24 hours 7 days Date" in text
    assert re.search(r'value="24h"[^>]*checked', page.content.decode())
    assert "Nothing breaks now. 203.0.113.61 and 1 other place keep working with" in text
    assert "Tokens issued with it stay valid until they expire, at most 1 hour." in text
    assert f"The current secret {secret.secret_id} keeps working until tomorrow" in page.content.decode()
    assert 'class="btn main tall"' in page.content.decode()


@pytest.mark.long
def test_the_page_says_who_is_told_before_expiry_if_there_is_time(danas, client_):
    assert "We tell the admins if the old secret is still used 1 hour before it expires." in text_of(danas.get(page_of(client_)))
    Client.objects.filter(pk=client_.pk).update(contact="payments@example.com")
    assert "We tell payments@example.com or the admins if the old secret" in text_of(danas.get(page_of(client_)))
    factories.add_member(client_.workspace, factories.create_user("payments@example.com"))
    assert "We tell payments@example.com and the admins if the old secret" in text_of(danas.get(page_of(client_)))
    for choice in ("0", "1h"):
        assert "if the old secret is still used" not in text_of(danas.get(page_of(client_), {"overlap": choice}))


def test_ending_the_old_secret_at_once_is_red_and_says_what_breaks(danas, client_, secret):
    assert "Nothing has used the old secret for 7 days." in text_of(danas.get(page_of(client_), {"overlap": "0"}))
    use(secret, "198.51.100.7")
    page = danas.get(page_of(client_), {"overlap": "0"})
    text = text_of(page)
    assert "What will break 198.51.100.7 gets no more tokens with" in text
    assert "Respond to a leak stops its tokens too." in text
    assert 'class="btn danger tall"' in page.content.decode()
    assert f"The current secret {secret.secret_id} stops working at once." in page.content.decode()
    page = rotate(danas, client_, overlap="0")
    assert f"The old secret {secret.secret_id} no longer works." in text_of(page)
    secret.refresh_from_db()
    assert not secret.is_usable(timezone.now())


def test_a_choice_redraws_the_picture_alone_for_the_script_and_a_date_that_is_being_chosen_is_no_error_yet(danas, client_):
    part = preview(danas, client_, overlap="1h")
    assert "<h1" not in part.content.decode()
    assert "keeps working until" in part.content.decode()
    assert part["Cache-Control"] == "no-store"
    assert "HX-Request" in part["Vary"]
    assert "Enter a date and time" not in text_of(preview(danas, client_, overlap="date", until=""))
    assert "Choose a time after now." in text_of(preview(danas, client_, overlap="date", until="2020-01-01T00:00"))
    assert "Choose a time after now." in text_of(danas.get(page_of(client_), {"overlap": "date", "until": "2020-01-01T00:00"}))
    assert "Nothing has used the old secret for 7 days." in text_of(rotate(danas, client_, overlap="0", show="yes"))
    assert client_.secrets.count() == 1


def test_the_new_secret_is_shown_once_and_the_page_says_until_when_the_old_one_works(danas, dana, client_, secret):
    """Sent again, the form makes no second one, and says what it made."""
    fields = {"once": once_of(danas, page_of(client_)), "overlap": "24h"}
    page = danas.post(page_of(client_), fields)
    assert page.status_code == 200
    assert page["Cache-Control"] == "no-store"
    assert page["Referrer-Policy"] == "strict-origin"
    new = client_.secrets.first()
    assert new.secret_id in plain(page)
    assert re.search(rf"The old secret {secret.secret_id} works until tomorrow \d\d:\d\d\.", text_of(page))
    assert "<title>New secret for billing-sync" in page.content.decode()
    secret.refresh_from_db()
    assert abs(secret.expires_at - timezone.now() - DAY) < timedelta(minutes=1)
    assert AuditEvent.objects.get(event="secret.rotated").actor == dana.audit_name
    again = danas.post(page_of(client_), fields)
    assert client_.secrets.count() == 2
    assert new.secret_id in text_of(again)
    assert not SECRET.search(again.content.decode())


@pytest.mark.parametrize(("module", "parts"), [(rotation, ["rotate"]), (secrets_view, ["secrets", "new"])], ids=["rotate", "new"])
def test_of_two_simultaneous_forms_one_makes_a_secret(danas, client_, monkeypatch, module, parts):
    """The other one finds the form used only when it writes."""
    path, fields = url(client_, *parts), {"once": new_token(), "overlap": "24h"}
    danas.post(path, fields)
    answers, really = [None], module.find_spent
    monkeypatch.setattr(module, "find_spent", lambda request: answers.pop() if answers else really(request))
    again = danas.post(path, fields)
    assert client_.secrets.count() == 2
    assert client_.secrets.first().secret_id in text_of(again)


@pytest.mark.parametrize("once", ["", "x", "x" * 31, "!" * 32])
def test_a_form_without_its_token_makes_nothing(danas, client_, once):
    page = rotate(danas, client_, once=once)
    assert "This page is incomplete." in text_of(page)
    assert client_.secrets.count() == 1
    fresh = re.search(r'name="once" value="([^"]+)"', page.content.decode())[1]
    danas.post(page_of(client_), {"once": fresh, "overlap": "24h"})
    assert client_.secrets.count() == 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"overlap": "date", "until": "2020-01-01T00:00"}, "Choose a time after now."),
        ({"overlap": "date", "until": ""}, "Enter a date and time, for example 2027-02-14 12:00."),
        ({"overlap": "date", "until": "soon"}, "Enter a date and a time"),
        ({"overlap": "date", "until": "9999-01-01T00:00"}, "That is over 100 years away."),
        ({"overlap": "99d"}, "Choose a duration from the list."),
        ({"overlap": ""}, "Choose a duration."),
        ({"secret_expiry": "99d"}, "Choose an expiry from the list."),
    ],
)
def test_a_choice_that_is_invalid_makes_nothing(danas, client_, fields, said):
    page = rotate(danas, client_, name="worker", **fields)
    assert "No secret was made." in text_of(page)
    assert text_of(page).count(said) == 2
    assert 'value="worker"' in page.content.decode()
    assert client_.secrets.count() == 1


def test_a_date_is_read_in_the_pages_time_zone(danas, client_, secret):
    danas.cookies["__Host-zone"] = "Asia/Tokyo"
    noon = (timezone.now() + 3 * DAY).strftime("%Y-%m-%dT12:00")
    assert "In Asia/Tokyo." in text_of(danas.get(page_of(client_)))
    rotate(danas, client_, overlap="date", until=noon)
    secret.refresh_from_db()
    assert f"{secret.expires_at:%H:%M}" == "03:00"


def test_name_and_expiry_default_to_the_old_secrets(danas, demo):
    client = factories.create_client(demo, name="worker").secret.client
    named = factories.create_secret(client, name="kubernetes", lifetime=30 * DAY)
    page = danas.get(page_of(client))
    assert 'value="kubernetes"' in page.content.decode()
    assert "In 30 days (default)" in text_of(page)
    rotate(danas, client, name="kubernetes")
    new = client.secrets.first()
    assert (new.name, new.lifetime, new.secret_id != named.secret.secret_id) == ("kubernetes", 30 * 86400, True)
    rotate(danas, client, name="nomad", secret_expiry="90d")
    assert (client.secrets.first().name, client.secrets.first().lifetime) == ("nomad", 90 * 86400)
    rotate(danas, client, secret_expiry="never")
    assert client.secrets.first().expires_at is None


def test_only_what_the_workspace_allows_is_offered_and_what_is_usual_once(danas, client_, now):
    ClientSecret.objects.update(lifetime=None)
    text = text_of(danas.get(page_of(client_)))
    assert text.count("Never") == 1
    assert "Never (default) In 30 days" in text
    ClientSecret.objects.update(name="bob@example.com", created_by="hand-over:1 bob@example.com")
    change_workspace(workspace=client_.workspace, max_secret_lifetime_days=90, actor=factories.TESTS, now=now)
    page = danas.get(page_of(client_))
    assert "In 90 days (default) In 30 days In 90 days" in text_of(page)
    assert "Never" not in text_of(page)
    # The name of whoever took a secret isn't passed on.
    assert "bob@example.com" not in page.content.decode()
    assert "Choose an expiry from the list." in text_of(rotate(danas, client_, secret_expiry="365d"))


def test_from_the_third_secret_on_the_page_names_an_unused_one(danas, client_, secret):
    other = factories.create_secret(client_).secret
    use(other, "203.0.113.61")
    use(secret, ago=9 * DAY)
    assert f"After the rotation, 3 secrets will work. {secret.secret_id} hasn’t been used for 9 days. End it" in text_of(danas.get(page_of(client_)))
    assert "secrets will work" not in text_of(danas.get(page_of(client_), {"overlap": "0"}))
    use(secret)
    assert "secrets will work" not in text_of(danas.get(page_of(client_)))
    ClientSecret.objects.filter(pk=other.pk).update(last_used_at=None, created_at=timezone.now() - 2 * DAY)
    assert f"{other.secret_id} was never used. End it" in text_of(danas.get(page_of(client_)))


def test_the_picture_shows_all_secrets_even_one_that_expires_earlier(danas, client_, secret):
    early = factories.create_secret(client_, lifetime=timedelta(hours=2)).secret
    page = danas.get(page_of(client_), {"overlap": "7d"})
    html = page.content.decode()
    assert "How long should the old secrets work?" in text_of(page)
    assert html.count('<div class="name">') == 3
    assert f"{early.secret_id} keeps working until {say_day(early.expires_at, now=timezone.now(), zone=UTC)}." in html
    assert f"{secret.secret_id} keeps working until {say_day(timezone.now() + timedelta(days=7), now=timezone.now(), zone=UTC)}." in html
    assert "New secret" in html
    assert "End old secrets now 1 hour" in text_of(page)
    assert re.search(r"The old secrets \w{10} and \w{10} work until tomorrow \d\d:\d\d at the latest\.", text_of(rotate(danas, client_)))
    assert re.search(r"The old secrets \w{10}( and \w{10})+ no longer work\.", text_of(rotate(danas, client_, overlap="0")))


@pytest.mark.parametrize("act", ["rotate", "make"])
def test_more_than_the_limit_is_refused_with_the_words_of_the_service(danas, client_, monkeypatch, act):
    monkeypatch.setattr(credential_limits, "MAX_USABLE", 1)
    page = (rotate if act == "rotate" else make)(danas, client_)
    assert "The client has 1 usable secrets. Revoke one before you make another." in text_of(page)


def test_for_a_client_without_a_secret_the_page_makes_one(danas, client_, secret):
    factories.expire(secret)
    assert danas.get(page_of(client_))["Location"] == url(client_, "secrets", "new")
    assert f"No secret works now: {secret.secret_id} expired" in text_of(danas.get(page_of(client_), follow=True))


def test_for_a_client_that_uses_no_secret_the_page_says_so(danas, client_):
    Client.objects.filter(pk=client_.pk).update(auth_methods=["private_key_jwt"])
    text = text_of(danas.get(page_of(client_), follow=True))
    assert "billing-sync uses no secret" in text
    assert "It signs in with private_key_jwt only." in text
    assert danas.post(url(client_, "secrets", "new"), {}).status_code == 200
    assert client_.secrets.count() == 1


def test_somebody_who_signed_in_long_ago_proves_first_who_they_are_and_sees_the_secret_then(dana, client_):
    browser = Browser(raise_request_exception=False)
    browser.force_login(dana)
    answer = rotate(browser, client_, overlap="1h", name="worker")
    assert answer["Location"].startswith("/accounts/confirm/?next=")
    assert client_.secrets.count() == 1
    page = browser.post(answer["Location"], {"password": factories.PASSWORD})
    assert client_.secrets.first().secret_id in plain(page)
    assert client_.secrets.first().name == "worker"


def make(browser, client, **fields):
    return browser.post(url(client, "secrets", "new"), {"once": new_token(), "name": "", "secret_expiry": "", **fields})


def test_an_additional_secret_works_with_the_others(danas, client_, secret):
    """It begins with the end that the first one had at creation, and is made once as well."""
    path = url(client_, "secrets", "new")
    page = danas.get(path)
    assert f"{secret.secret_id} keeps working. To replace one, rotate it." in text_of(page)
    assert '<option value="365d" selected>In 1 year</option>' in page.content.decode()
    fields = {"once": re.search(r'name="once" value="([^"]+)"', page.content.decode())[1], "name": "second site", "secret_expiry": "30d"}
    page = danas.post(path, fields)
    new = client_.secrets.first()
    assert (new.name, new.lifetime) == ("second site", 30 * 86400)
    assert new.secret_id in plain(page)
    assert "The other secret works as before." in text_of(page)
    assert new.secret_id in text_of(danas.post(path, fields))
    assert client_.secrets.count() == 2
    assert "The 2 secrets that work now keep working." in text_of(danas.get(path))
    assert "The other secrets work as before." in text_of(make(danas, client_))
    for name in ("x" * 101, "a\u202eb"):
        assert "No secret was made." in text_of(make(danas, client_, name=name))
    assert client_.secrets.count() == 3


def test_the_first_secrets_page_mentions_no_others(danas, client_, secret, now):
    secrets.revoke_secret(client=client_, secret_id=secret.secret_id, actor=factories.TESTS, now=now)
    assert f"No secret works now: {secret.secret_id} was revoked today" in text_of(danas.get(url(client_, "secrets", "new")))
    assert "as before" not in text_of(make(danas, client_))
