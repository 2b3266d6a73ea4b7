"""Extending an overlap, and ending a secret before its time."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import AuditEvent, ClientSecret
from clients.services import rotation, secrets
from clients.services.workspaces import change_workspace
from tests import factories
from tests.dashboard.conftest import text_of
from tests.dashboard.credentials.conftest import give_tokens, url, use

DAY = timedelta(days=1)


@pytest.fixture
def old(client_, secret):
    """In its overlap of 5 hours."""
    rotation.rotate_secret(client=client_, overlap=timedelta(hours=5), actor=factories.TESTS, now=timezone.now())
    secret.refresh_from_db()
    return secret


def extension_of(secret):
    return url(secret.client, "secrets", secret.secret_id, "extend")


def end_of(secret):
    return url(secret.client, "secrets", secret.secret_id, "end")


def test_the_page_says_until_when_it_would_work_and_who_still_uses_it(danas, old):
    use(old, "198.51.100.7", count=212)
    page = danas.get(extension_of(old))
    text = text_of(page)
    assert f"Extend the overlap of {old.secret_id}" in text
    assert "Who still uses it 198.51.100.7 used it 14 min ago, and 212 times in 7 days." in text
    assert re.search(r"Extend to (today|tomorrow|\d+ [A-Z][a-z]{2}) \d\d:\d\d", text)
    assert f"Secret {old.secret_id} would work until" in page.content.decode()
    assert "Cancel" in text


def test_if_nothing_uses_it_the_page_offers_to_end_it(danas, old):
    assert "Nothing has ever used it. End it now" in text_of(danas.get(extension_of(old)))
    use(old, ago=9 * DAY)
    assert "Nothing has used it for 9 days. End it now" in text_of(danas.get(extension_of(old)))
    ClientSecret.objects.filter(pk=old.pk).update(last_used_at=timezone.now())
    assert "from an unknown address." in text_of(danas.get(extension_of(old)))


@pytest.mark.parametrize(("longer", "by"), [("1h", timedelta(hours=1)), ("24h", DAY), ("7d", 7 * DAY)])
def test_it_is_extended_from_its_present_end_on(danas, old, longer, by):
    was = old.expires_at
    answer = danas.post(extension_of(old), {"longer": longer, "until": ""}, follow=True)
    old.refresh_from_db()
    assert old.expires_at == was + by
    assert re.search(rf"{old.secret_id} now expires .+\d\d:\d\d\.", text_of(answer))
    assert AuditEvent.objects.filter(event="secret.extended").count() == 1


def test_sending_the_form_twice_extends_once(danas, old):
    was = old.expires_at
    seen = re.search(r'name="seen" value="([^"]+)"', danas.get(extension_of(old)).content.decode())[1]
    danas.post(extension_of(old), {"longer": "24h", "until": "", "seen": seen})
    again = danas.post(extension_of(old), {"longer": "24h", "until": "", "seen": seen})
    old.refresh_from_db()
    assert old.expires_at == was + DAY
    assert "Nothing was changed." in text_of(again)
    assert "Somebody has changed its expiry in the meantime, to" in text_of(again)
    assert old.expires_at.isoformat() in again.content.decode()


def test_the_script_redraws_only_the_picture_after_a_choice(danas, old):
    part = danas.get(extension_of(old), {"longer": "7d"}, headers={"HX-Request": "true"})
    assert "<h1" not in part.content.decode()
    assert "Extend to" in text_of(part)
    wrong = danas.get(extension_of(old), {"longer": "date", "until": "2020-01-01T00:00"}, headers={"HX-Request": "true"})
    assert "Choose a time after now." in text_of(wrong)


def test_it_is_extended_to_a_later_date_and_not_before_it_is_asked_for(danas, old):
    """Without a script, a button redraws the picture."""
    was, until = old.expires_at, (timezone.now() + 3 * DAY).replace(second=0, microsecond=0)
    assert danas.post(extension_of(old), {"longer": "7d", "until": "", "show": "yes"}).status_code == 200
    for wrong in (timezone.now() + timedelta(hours=1), timezone.now() - DAY):
        page = danas.post(extension_of(old), {"longer": "date", "until": f"{wrong:%Y-%m-%dT%H:%M}"})
        assert "Nothing was changed." in text_of(page)
    old.refresh_from_db()
    assert old.expires_at == was
    assert not AuditEvent.objects.filter(event="secret.extended").exists()
    danas.post(extension_of(old), {"longer": "date", "until": f"{until:%Y-%m-%dT%H:%M}"})
    old.refresh_from_db()
    assert old.expires_at == until


def test_longer_than_the_workspace_allows_is_said_before_and_refused(danas, old, now):
    change_workspace(workspace=old.client.workspace, max_secret_lifetime_days=2, actor=factories.TESTS, now=now)
    assert "Demo lets it work until" in text_of(danas.get(extension_of(old), {"longer": "7d"}))
    assert "demo limits secrets to 2 days" in text_of(danas.post(extension_of(old), {"longer": "7d"}))


def test_a_secret_that_is_in_no_overlap_can_be_extended_as_well_unless_it_has_no_end(danas, client_, secret):
    assert f"Secret {secret.secret_id} never expires" in text_of(danas.get(extension_of(secret)))
    other = factories.create_secret(client_, lifetime=DAY).secret
    assert f"Extend secret {other.secret_id}" in text_of(danas.get(extension_of(other)))
    assert danas.post(extension_of(other), {"longer": "24h"}).status_code == 302
    assert danas.get(url(client_, "secrets", "x" * 10, "extend")).status_code == 404


@pytest.mark.parametrize("page_of", [extension_of, end_of])
def test_what_has_ended_or_was_revoked_meanwhile_stays_so(danas, old, now, page_of):
    factories.expire(old)
    for page in (danas.get(page_of(old)), danas.post(page_of(old), {"longer": "24h"})):
        assert f"Secret {old.secret_id} has expired" in text_of(page)
        assert "It expired today" in text_of(page) or "It expired yesterday" in text_of(page)
    secrets.revoke_secret(client=old.client, secret_id=old.secret_id, actor=factories.TESTS, now=now)
    text = text_of(danas.get(page_of(old)))
    assert f"Secret {old.secret_id} is revoked" in text
    assert "It was revoked today" in text


@pytest.mark.long
def test_a_secret_that_is_used_is_ended_by_typing_its_id_and_its_tokens_keep_working(danas, old):
    use(old, "198.51.100.7")
    give_tokens(old, 3)
    text = text_of(danas.get(end_of(old)))
    assert "198.51.100.7 stops getting tokens." in text
    assert "3 tokens stay valid. The last of them expires" in text
    assert "Nothing was ended." in text_of(danas.post(end_of(old), {"typed": "x"}))
    answer = danas.post(end_of(old), {"typed": old.secret_id}, follow=True)
    assert f"{old.secret_id} ended. 3 tokens stay valid until they expire." in text_of(answer)
    old.refresh_from_db()
    assert (old.is_usable(timezone.now()), old.revoked_at) == (False, None)


@pytest.mark.long
@pytest.mark.parametrize(("tokens", "said"), [(1, "1 token stays valid until it expires."), (0, "It had no valid tokens.")])
def test_a_silent_one_is_ended_by_one_click(danas, old, tokens, said):
    assert "to confirm" not in text_of(danas.get(end_of(old)))
    if tokens:
        give_tokens(old, tokens)
    assert said in text_of(danas.post(end_of(old), follow=True))


def test_the_only_credential_can_be_ended_and_the_page_warns_of_it(danas, secret):
    text = text_of(danas.get(end_of(secret)))
    assert "billing-sync has no other credential." in text
    assert "Rotate it: both secrets work until the new one is everywhere." in text
    assert "Keep it: it expires" not in text
