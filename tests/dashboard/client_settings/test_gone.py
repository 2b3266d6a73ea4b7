"""Somebody deletes the client just as a form about it is sent: nothing fails, and the page says so."""

import pytest

from clients.models import Client
from dashboard.client.credentials.views import ended, rotation, secrets
from dashboard.client.hand_over import views as hand_overs
from dashboard.client.views import status
from dashboard.frame import spent_forms
from tests.dashboard.client_settings.conftest import path
from tests.dashboard.conftest import text_of

FORMS = [
    ("enable", {}, status),
    ("disable", {"reason": ""}, status),
    ("delete", {"name": "billing-sync"}, status),
    ("rotate", {"overlap": "24h", "name": "", "once": spent_forms.new_token()}, rotation),
    ("secrets/new", {"name": "", "once": spent_forms.new_token()}, secrets),
    ("secrets/{secret}/end", {}, ended),
    ("secrets/{secret}/revoke", {"typed": "{secret}"}, ended),
    ("hand-over", {"recipient": "", "lifetime": "1h", "secret_expiry": "90d", "once": spent_forms.new_token()}, hand_overs),
]


@pytest.mark.parametrize(("act", "entered", "view"), FORMS, ids=[act for act, _, _ in FORMS])
def test_it_is_said_that_the_client_is_gone(dans, client, billing, monkeypatch, act, entered, view):
    caller = view.actor_of

    def delete_first(request):
        Client.objects.filter(pk=client.pk).delete()
        return caller(request)

    monkeypatch.setattr(view, "actor_of", delete_first)
    sent = {name: value.format(secret=billing.secret.secret_id) for name, value in entered.items()}
    page = dans.post(path(client, act.format(secret=billing.secret.secret_id)), sent)
    assert page.status_code == 404 or (page.status_code == 200 and "billing-sync no longer exists." in text_of(page))
    assert not Client.objects.exists()
