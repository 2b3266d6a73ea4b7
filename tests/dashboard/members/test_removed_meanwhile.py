"""A person who is removed, demoted or disabled while their request waits changes nothing any more."""

import pytest

from clients.models import AuditEvent, ClientSecret
from clients.services import secrets
from dashboard.frame.spent_forms import new_token
from dashboard.models import Membership
from dashboard.people import memberships
from dashboard.people.account_status import disable_account
from tests import factories
from tests.dashboard.credentials.conftest import url


@pytest.fixture
def while_it_hashes(monkeypatch):
    """Something that happens during the slow hashing of a new secret."""

    def wait_for(act):
        hash_secret = secrets.hash_secret

        def hash_after(plaintext):
            monkeypatch.setattr(secrets, "hash_secret", hash_secret)
            act()
            return hash_secret(plaintext)

        monkeypatch.setattr(secrets, "hash_secret", hash_after)

    return wait_for


@pytest.fixture
def own(demo, dana):
    return Membership.objects.get(workspace=demo, user=dana)


@pytest.fixture
def make(danas, billing):
    def make(act="new", *, is_first=False):
        parts = ("rotate",) if act == "rotate" else ("secrets", "new")
        here = url(billing.secret.client, *parts)
        assert is_first or danas.get(here).status_code == 200
        page = danas.post(here, {"name": "", "overlap": "24h", "secret_expiry": "90d", "once": new_token()})
        assert "tos_live_" not in page.content.decode()
        assert list(ClientSecret.objects.all()) == [billing.secret]
        assert not AuditEvent.objects.filter(event__in=["secret.created", "secret.rotated"], actor__startswith="user:").exists()
        return page.status_code

    return make


@pytest.mark.parametrize("act", ["new", "rotate"])
def test_a_removed_member_makes_no_secret(adas, own, make, while_it_hashes, act):
    while_it_hashes(lambda: adas.post(f"/w/demo/members/{own.pk}/remove/"))
    assert make(act) == 404
    assert not Membership.objects.filter(pk=own.pk).exists()


def test_nor_does_a_member_who_has_become_a_viewer(adas, own, make, while_it_hashes):
    while_it_hashes(lambda: adas.post(f"/w/demo/members/{own.pk}/role/", {"role": "viewer"}))
    assert make() == 403


def test_nor_does_a_member_whose_account_is_switched_off(own, make, while_it_hashes, now):
    while_it_hashes(lambda: disable_account(user=own.user, actor=factories.TESTS, now=now))
    assert make() == 404


def test_and_the_page_says_so_if_it_was_the_first_of_the_session(own, make, while_it_hashes, now):
    """Their session remembers the workspace."""
    while_it_hashes(lambda: disable_account(user=own.user, actor=factories.TESTS, now=now))
    assert make(is_first=True) == 400


def test_a_member_can_give_up_a_role_or_leave(adas, demo, ada, eve):
    other = factories.add_member(demo, eve, Membership.Role.OWNER)
    own = Membership.objects.get(workspace=demo, user=ada)
    assert adas.post(f"/w/demo/members/{own.pk}/role/", {"role": "viewer"}).status_code == 302
    assert adas.post("/w/demo/members/leave/").status_code == 302
    assert list(memberships.members_of(demo).filter(role="owner")) == [other]
    assert not Membership.objects.filter(pk=own.pk).exists()
