"""What /admin/ takes besides the right to it: the second factor of an account that has one, and a recent proof before acts."""

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
    @pytest.mark.parametrize("page", PAGES)
    def test_a_session_by_password_alone_opens_nothing(self, stolen, page):
        response = stolen.get(page)
        assert response["Location"].startswith(f"{CONFIRM}?next=")
        assert "Administering the instance needs your second factor: a passkey or a code." in text_of(stolen.get(response["Location"]))

    def test_nor_does_it_act(self, stolen, billing):
        stolen.post(list_url(Client), {"action": "disable_clients", "_selected_action": billing.secret.client.pk, "confirmed": "yes"})
        billing.secret.client.refresh_from_db()
        assert billing.secret.client.status == Client.Status.ENABLED

    def test_the_password_again_is_not_enough(self, stolen):
        assert "Enter the code." in text_of(stolen.post(CONFIRM, {"password": factories.PASSWORD, "next": "/admin/"}))
        assert stolen.get("/admin/").status_code == 302

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
        """As after a device was lost, and another took its place."""
        stolen.post(CONFIRM, {"password": factories.PASSWORD, "code": app.code, "next": "/admin/"})
        second_factors.turn_off_one_time_codes(user=olga, actor=factories.TESTS, now=timezone.now())
        assert stolen.get("/admin/").status_code == 200
        add_passkey(olga)
        assert stolen.get("/admin/")["Location"].startswith(CONFIRM)

    def test_the_account_s_own_pages_open_still(self, stolen):
        assert stolen.get("/accounts/security/").status_code == 200
        assert stolen.get("/accounts/sign-out/").status_code == 200


class TestWithoutOne:
    def test_where_no_workspace_demands_one_the_password_is_enough(self, admin, demo):
        AccessPolicy.objects.create(workspace=demo)
        assert admin.get("/admin/").status_code == 200

    @pytest.mark.parametrize("page", PAGES)
    def test_where_one_demands_it_of_its_people_it_is_set_up_first(self, admin, olga, demo, page):
        AccessPolicy.objects.create(workspace=demo, requires_second_factor=True)
        response = admin.get(page)
        assert response["Location"] == "/accounts/security/"
        assert "Demo requires a second factor, also of the people who administer this instance." in text_of(admin.get(response["Location"]))
        app = App(olga)
        admin.post(CONFIRM, {"password": factories.PASSWORD, "code": app.code, "next": "/admin/"})
        assert admin.get(page).status_code == 200


class TestProveItIsYou:
    """Before the same acts as in the dashboard, within 10 minutes; to look takes none."""

    @pytest.fixture
    def old(self, admin):
        age_confirmation(admin)
        return admin

    @pytest.fixture(params=["disable_clients", "enable_clients", "secret", "public key", "certificate"])
    def form(self, request, billing):
        """Where an act is sent to, and what."""
        client = billing.secret.client
        rows = {
            "secret": lambda: billing.secret,
            "public key": lambda: create_public_key(client),
            "certificate": lambda: create_certificate(client),
        }
        row = rows.get(request.param, lambda: client)()
        if request.param == "enable_clients":
            Client.objects.update(status=Client.Status.DISABLED)
        action = request.param if request.param not in rows else "revoke_credentials"
        return list_url(type(row)), {"action": action, "_selected_action": row.pk, "confirmed": "yes"}

    def test_looking_asks_for_nothing(self, old, form):
        path, entries = form
        assert old.get(path).status_code == 200
        entries.pop("confirmed")
        assert old.post(path, entries).status_code == 200

    def test_acting_does_and_then_it_is_done(self, old, form):
        path, entries = form
        events = AuditEvent.objects.exclude(event__startswith="user.").count()
        asked = asked_by(old.post(path, entries))
        assert AuditEvent.objects.exclude(event__startswith="user.").count() == events
        assert old.post(CONFIRM, {"password": factories.PASSWORD, **asked})["Location"] == path
        assert AuditEvent.objects.exclude(event__startswith="user.").count() == events + 1

    def test_a_wrong_password_does_nothing(self, old, form):
        path, entries = form
        old.post(path, entries)
        events = AuditEvent.objects.exclude(event__startswith="user.").count()
        assert old.post(CONFIRM, {"password": "wrong", "next": path}).status_code == 200
        assert AuditEvent.objects.exclude(event__startswith="user.").count() == events
