"""/w/<workspace>/settings/delete/: owners delete the workspace by its typed slug, and can keep it for seven days."""

from datetime import timedelta

import pytest
from django.core import mail as outbox
from django.utils import timezone

from clients.models import Workspace
from dashboard.instance import mail
from dashboard.models import Membership
from dashboard.people.account_status import disable_account
from tests import factories
from tests.dashboard.conftest import Browser, join, sign_in, text_of
from tests.dashboard.settings.conftest import SETTINGS, changes

DELETE = SETTINGS + "delete/"
KEEP = DELETE + "keep/"


def mails():
    mail.wait_until_sent()
    return [(message.to, message.subject) for message in outbox.outbox if message.subject.startswith(("A workspace ", "Deletion cancelled: "))]


@pytest.fixture
def mia(demo):
    """Its second owner."""
    return join(demo, "mia@example.com", Membership.Role.OWNER)


def test_page_lists_what_ends_and_that_the_other_owners_get_mail_if_there_are_any_who_do(adas, dan, mia, billing):
    page = text_of(adas.get(DELETE))
    assert "1 client stops at once It gets no tokens, and its existing tokens stop working." in page
    assert "4 members lose this workspace then" in page
    assert "Type demo to confirm" in page
    assert "The other owners get mail now." in page
    disable_account(user=mia, actor=factories.TESTS, now=timezone.now())
    assert "The other owners get mail now." not in text_of(adas.get(DELETE))


def test_typed_slug_deletes_it_once_until_an_owner_keeps_it_and_tells_the_owners(adas, mia, dan, billing):
    page = adas.post(DELETE, {"slug": "demo"}, follow=True)
    demo = Workspace.objects.get()
    assert timedelta(days=6, hours=23) < demo.deletes_at - timezone.now() < timedelta(days=7)
    assert "Demo stopped. It will be deleted on" in text_of(page)
    assert "Keep it" in text_of(page)
    adas.post(DELETE, {"slug": "demo"})
    assert adas.get(KEEP).status_code == 405
    assert Workspace.objects.get().deletes_at == demo.deletes_at
    [(before, after)] = changes("workspace.deleted")
    assert (before, after) == ({"deletes_at": None}, {"deletes_at": demo.deletes_at.isoformat()})
    (own, _), (to, subject) = mails()
    assert (own, to) == (["ada@example.com"], ["mia@example.com"])
    assert subject.startswith("A workspace will be deleted on ")
    page = sign_in(mia).post(KEEP, follow=True)
    assert "The deletion of Demo is cancelled. Its clients and their tokens work again." in text_of(page)
    assert Workspace.objects.get().deletes_at is None
    assert mails()[-2:] == [([address], "Deletion cancelled: Demo") for address in ("ada@example.com", "mia@example.com")]
    assert len(changes("workspace.kept")) == 1
    # Too late, it can't be kept.
    Workspace.objects.update(deletes_at=timezone.now() - timedelta(seconds=1))
    assert "It is too late" in text_of(adas.post(KEEP, follow=True))
    assert Workspace.objects.get().deletes_at is not None


@pytest.mark.parametrize("typed", ["", "Demo", " demo", "demo ", "other", "x" * 100_000, "de\0mo", "ｄｅｍｏ", "\u202eomed"])
def test_wrong_slug_deletes_nothing(adas, demo, typed):
    page = adas.post(DELETE, {"slug": typed})
    assert page.status_code == 200
    assert "Nothing was deleted." in text_of(page)
    assert Workspace.objects.get().deletes_at is None


def test_only_owners_delete_and_keep(dans, bens, demo):
    for browser in (dans, bens):
        page = text_of(browser.get(DELETE))
        assert "ada@example.com can delete this workspace." in page
        assert "Type demo" not in page
        assert browser.post(DELETE, {"slug": "demo"}).status_code == 403
        assert browser.post(KEEP).status_code == 403
    assert Workspace.objects.get().deletes_at is None


def test_somebody_who_signed_in_long_ago_proves_who_it_is_first(ada, demo):
    stale = Browser(raise_request_exception=False)
    stale.force_login(ada)
    assert stale.post(DELETE, {"slug": "demo"})["Location"].startswith("/accounts/confirm/")
    assert Workspace.objects.get().deletes_at is None
