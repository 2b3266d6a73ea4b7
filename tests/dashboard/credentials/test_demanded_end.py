"""A workspace requires an expiry date for each secret, but has no default: every form asks for it."""

import pytest
from django.utils import timezone

from clients.services.workspaces import change_workspace
from dashboard.frame import spent_forms
from tests import factories
from tests.dashboard.conftest import text_of
from tests.dashboard.credentials.conftest import url

FORMS = {("rotate",): {"overlap": "24h"}, ("secrets", "new"): {}}


@pytest.fixture(params=FORMS, ids="-".join)
def form(request, demo, client_):
    """The address of a form, and its entries besides the expiry."""
    change_workspace(workspace=demo, requires_secret_expiry=True, actor=factories.TESTS, now=timezone.now())
    return url(client_, *request.param), {**FORMS[request.param], "name": "", "once": spent_forms.new_token()}


def test_an_end_is_offered_and_who_chooses_none_is_told_that_it_is_demanded(danas, form, client_):
    page = danas.get(form[0])
    assert '<option value="365d" selected>In 1 year</option>' in page.content.decode()
    assert "No end" not in text_of(page)
    assert "demo requires an expiry date for each secret" in text_of(danas.post(form[0], {**form[1], "secret_expiry": ""}))
    assert client_.secrets.count() == 1
    assert danas.post(form[0], {**form[1], "secret_expiry": "90d"}).status_code == 200
    assert client_.secrets.first().lifetime == 90 * 86_400
