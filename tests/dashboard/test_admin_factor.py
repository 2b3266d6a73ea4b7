"""What /admin/ requires besides the right to it: the second factor of an account that has one, and a recent proof before changes."""

import pytest
from django.utils import timezone

from clients.models import AuditEvent, Client
from dashboard.models import AccessPolicy
from dashboard.people import second_factors
from tests import factories
from tests.dashboard.accounts.conftest import App, add_passkey, age_confirmation
from tests.dashboard.conftest import Browser, asked_by, create_certificate, create_public_key, sign_in_by_form, text_of
from tests.dashboard.test_admin import list_url

CONFIRM, CODE = "/accounts/confirm/", "/accounts/sign-in/code/"
PAGES = ["/admin/", "/admin/dashboard/user/", "/admin/clients/client/", "/admin/clients/auditevent/?q=ada", "/w/new/"]


@pytest.fixture
def stolen(admin):
    """A session by password alone, from before Olga turned on one-time codes elsewhere."""
    return admin


@pytest.fixture
def app(stolen, olga):
    """After the sign-in, which would ask for it."""
    return App(olga)


@pytest.mark.usefixtures("app")
class TestWithASecondFactor:
    @pytest.mark.long
    def test_a_session_by_password_alone_opens_nothing_but_the_account_s_own_pages_and_does_not_act(self, stolen, billing):
        for page in PAGES:
            response = stolen.get(page)
            assert response["Location"].startswith(f"{CONFIRM}?next=")
        assert "Administering the instance needs your second factor: a passkey or a code." in text_of(stolen.get(response["Location"]))
        stolen.post(list_url(Client), {"action": "disable_clients", "_selected_action": billing.secret.client.pk, "confirmed": "yes"})
        billing.secret.client.refresh_from_db()
        assert billing.secret.client.status == Client.Status.ENABLED
        assert "Enter the code." in text_of(stolen.post(CONFIRM, {"password": factories.PASSWORD, "next": "/admin/"}))
        assert stolen.get("/admin/").status_code == 302
        for page in ("/accounts/security/", "/accounts/sign-out/"):
            assert stolen.get(page).status_code == 200

    @pytest.mark.long
    @pytest.mark.parametrize("kind", ["one-time code", "recovery code"])
    def test_a_code_opens_it_for_the_session(self, stolen, app, kind):
        code = app.code if kind == "one-time code" else app.recovery_codes[0]
        assert stolen.post(CONFIRM, {"password": factories.PASSWORD, "code": code, "next": "/admin/"})["Location"] == "/admin/"
        age_confirmation(stolen)
        for page in PAGES:
            assert stolen.get(page).status_code == 200

    def test_so_does_a_sign_in_with_it(self, olga, app):
        browser = Browser()
        sign_in_by_form(olga, browser)
        assert browser.get("/admin/")["Location"].startswith("/admin/login/")
        browser.post(CODE, {"code": app.code})
        assert browser.get("/admin/").status_code == 200

    def test_a_factor_that_is_gone_proves_nothing(self, stolen, olga, app):
        """As if a device was lost and replaced."""
        stolen.post(CONFIRM, {"password": factories.PASSWORD, "code": app.code, "next": "/admin/"})
        second_factors.turn_off_one_time_codes(user=olga, actor=factories.TESTS, now=timezone.now())
        assert stolen.get("/admin/").status_code == 200
        add_passkey(olga)
        assert stolen.get("/admin/")["Location"].startswith(CONFIRM)


class TestWithoutOne:
    @pytest.mark.long
    def test_it_is_set_up_first_if_a_workspace_requires_it_of_its_people(self, admin, olga, demo):
        policy = AccessPolicy.objects.create(workspace=demo)
        assert admin.get("/admin/").status_code == 200
        policy.requires_second_factor = True
        policy.save()
        for page in PAGES:
            response = admin.get(page)
            assert response["Location"] == "/accounts/security/"
        assert "Demo requires a second factor, including from this instance’s administrators." in text_of(admin.get(response["Location"]))
        app = App(olga)
        admin.post(CONFIRM, {"password": factories.PASSWORD, "code": app.code, "next": "/admin/"})
        for page in PAGES:
            assert admin.get(page).status_code == 200


@pytest.mark.long
@pytest.mark.parametrize("act", ["disable_clients", "enable_clients", "secret", "public key", "certificate"])
def test_acts_take_a_proof_within_10_minutes_as_in_the_dashboard_and_looking_takes_none(admin, billing, act):
    client = billing.secret.client
    if act == "enable_clients":
        Client.objects.update(status=Client.Status.DISABLED)
    credentials = {"secret": lambda: billing.secret, "public key": lambda: create_public_key(client), "certificate": lambda: create_certificate(client)}
    row = credentials.get(act, lambda: client)()
    path, entries = list_url(type(row)), {"action": "revoke_credentials" if act in credentials else act, "_selected_action": row.pk}
    age_confirmation(admin)
    assert admin.get(path).status_code == 200
    assert admin.post(path, entries).status_code == 200
    asked = asked_by(admin.post(path, {**entries, "confirmed": "yes"}))
    assert admin.post(CONFIRM, {"password": "wrong", **asked}).status_code == 200
    done = AuditEvent.objects.exclude(event__startswith="user.")
    events = done.count()
    assert admin.post(CONFIRM, {"password": factories.PASSWORD, **asked})["Location"] == path
    assert done.count() == events + 1
