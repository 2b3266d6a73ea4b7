"""A page promises mail only if this instance sends any: without a mail server, mails are files for the operator."""

import re

import pytest

from clients.models import Client
from dashboard.models import Membership
from tests import factories
from tests.dashboard.conftest import text_of

PROMISE = re.compile(r"We tell|we tell|We send|we send|gets? (?:an e)?mail")
PAGES = {
    "rotate a secret": "/w/demo/clients/{client}/rotate/",
    "revoke a secret": "/w/demo/clients/{client}/secrets/{secret}/revoke/",
    "end a secret": "/w/demo/clients/{client}/secrets/{secret}/end/",
    "hand a client over": "/w/demo/clients/{client}/hand-over/",
    "create a client": "/w/demo/clients/new/",
    "invite people": "/w/demo/members/invite/",
    "remove somebody": "/w/demo/members/{user}/remove/",
    "change a role": "/w/demo/members/{user}/role/",
    "delete a workspace": "/w/demo/settings/delete/",
    "change one's address": "/accounts/profile/email/",
}


@pytest.fixture
def shown(adas, demo, ben, billing):
    Client.objects.update(contact="payments@example.com")
    factories.add_member(demo, factories.create_user("mia@example.com"), Membership.Role.OWNER)
    named = {"client": billing.secret.client.client_id, "secret": billing.secret.secret_id, "user": Membership.objects.get(user=ben).pk}

    def show(page):
        response = adas.get(PAGES[page].format(**named))
        assert response.status_code == 200
        return text_of(response)

    return show


@pytest.mark.parametrize("page", PAGES)
def test_with_a_mail_server_the_page_promises_a_mail(shown, page):
    assert PROMISE.search(shown(page))


@pytest.mark.parametrize("page", PAGES)
def test_without_a_mail_server_the_page_promises_none(shown, page, settings):
    settings.EMAIL_BACKEND = "dashboard.instance.mail.files.Backend"
    assert not PROMISE.search(shown(page))
