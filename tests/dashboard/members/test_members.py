"""The page of a workspace's people."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients.models import Workspace
from dashboard.models import AccessPolicy, Membership, User
from tests import factories
from tests.dashboard.accounts.conftest import prove
from tests.dashboard.conftest import Browser, sign_in, text_of
from tests.dashboard.members.conftest import Role, membership_of

PAGE = "/w/demo/members/"


def rows_of(response):
    """The text of each row, by the person's address."""
    parts = response.content.decode().split("<tr ")[2:]
    found = {}
    for part in parts:
        text = text_of("<tr " + part.split("</tr>")[0])
        found[next(word for word in text.split() if "@" in word)] = text
    return found


def test_it_lists_everybody_with_role_second_factor_and_last_use(adas, ada, ben, dan, eve, olga, demo):
    """Nothing about the instance, names as text, and whose account is disabled."""
    for kind in ("webauthn", "webauthn", "recovery_codes"):
        Authenticator.objects.create(user=ada, type=kind, data={})
    at = timezone.now().replace(year=timezone.now().year - 1, month=2, day=14)
    for minutes, key in ((0, "a"), (-90, "b")):
        UserSession.objects.create(user=dan, ip="192.0.2.1", session_key=key, user_agent="x", last_seen_at=at + timedelta(minutes=minutes))
    for user in (eve, olga):
        factories.add_member(demo, user, Role.VIEWER)
    User.objects.filter(pk=eve.pk).update(is_active=False)
    User.objects.filter(pk=dan.pk).update(name="<script>alert(1)</script>\u202e")
    page = adas.get(PAGE)
    rows, html = rows_of(page), page.content.decode()
    assert "Owner 2 passkeys" in rows["ada@example.com"]
    assert "You" in rows["ada@example.com"].split()
    assert "Viewer None Never" in rows["ben@example.com"]
    assert "14 Feb" in rows["dan@example.com"]
    assert "Disabled" in rows["eve@example.com"]
    assert "nstance" not in rows["olga@example.com"]
    assert "Viewer" in rows["olga@example.com"]
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html
    assert Membership.objects.count() == 5


@pytest.mark.parametrize(
    ("types", "shown"),
    [(["webauthn"], "Passkey"), (["webauthn", "totp"], "Passkey, codes"), (["totp", "recovery_codes"], "Codes"), (["recovery_codes"], "None")],
)
def test_second_factors_are_said_in_words(adas, ben, types, shown):
    for kind in types:
        Authenticator.objects.create(user=ben, type=kind, data={})
    assert f"Viewer {shown} Never" in rows_of(adas.get(PAGE))["ben@example.com"]


def test_somebody_who_lacks_a_required_second_factor_is_marked(adas, ada, demo):
    prove(adas, Authenticator.objects.create(user=ada, type="totp", data={"secret": "x"}))
    AccessPolicy.objects.create(workspace=demo, requires_second_factor=True)
    rows = rows_of(adas.get(PAGE))
    assert "Must add one to open this workspace again" in rows["ben@example.com"]
    assert "Must add one" not in rows["ada@example.com"]


def test_a_viewer_sees_all_of_it_and_what_a_person_did_without_controls_and_who_can(bens, ada):
    response = bens.get(PAGE)
    html, text = response.content.decode(), text_of(response)
    assert response.status_code == 200
    assert "You are a viewer. ada@example.com can invite people, change their roles and remove them." in text
    assert "Invite people" not in text
    assert "/role/" not in html
    assert "/remove/" not in html
    assert "/w/demo/members/leave/" in html
    assert f'href="/w/demo/audit/?person=user:{ada.pk}"' in html


def test_an_admin_has_no_controls_over_owners(dans, ada, ben, demo):
    html = dans.get(PAGE).content.decode()
    assert f"/members/{membership_of(ada, demo).pk}/" not in html
    assert f"/members/{membership_of(ben, demo).pk}/role/" in html


def test_somebody_who_is_alone_is_told_to_invite_a_second_owner(db):
    user = factories.create_user("amy@example.com")
    factories.create_workspace("alone", owner=user.email)
    assert "Only you. Invite a second owner: if you lose access, nobody else can help." in text_of(sign_in(user).get("/w/alone/members/"))


def test_to_strangers_and_others_also_who_administer_the_instance_it_is_not_found(eves, demo, olga):
    assert [eves.get(PAGE).status_code, eves.get("/w/nowhere/members/").status_code] == [404, 404]
    admin = sign_in(olga)
    assert admin.get(PAGE).status_code == 404
    assert admin.get("/w/").status_code == 200
    assert "Demo" not in text_of(admin.get("/w/"))
    assert Browser().get(PAGE)["Location"] == "/accounts/sign-in/?next=/w/demo/members/"


@pytest.mark.long
def test_many_people_come_in_pages_and_cost_no_more_queries(adas, demo):
    """A page that is not there shows one that is."""
    with CaptureQueriesContext(connection) as few:
        adas.get(PAGE)
    now = timezone.now()
    people = User.objects.bulk_create(User(email=f"p{number:02}@example.com", password="x", created_at=now) for number in range(60))
    fields = {"workspace": demo, "role": Role.VIEWER, "created_at": now}
    Membership.objects.bulk_create(Membership(user=user, **fields) for user in people)
    with CaptureQueriesContext(connection) as many:
        first = adas.get(PAGE)
    assert len(rows_of(first)) == 50
    assert "1 to 50 of 62" in text_of(first)
    assert len(rows_of(adas.get(f"{PAGE}?page=2"))) == 12
    assert len(many) <= len(few) <= 12
    for page in ("0", "-1", "9" * 5000, "x", "\0", "📎"):
        assert adas.get(PAGE, {"page": page}).status_code == 200


def test_a_workspace_about_to_be_deleted_says_so(adas, bens, demo):
    Workspace.objects.filter(pk=demo.pk).update(deletes_at=timezone.now())
    for browser in (adas, bens):
        assert "Demo will be deleted on" in text_of(browser.get(PAGE))
