"""Finding a request by its ID: what became of it, why, and what it changed."""

import base64

import pytest

from clients.services.audit import Actor
from clients.services.clients import disable_client
from tests import factories
from tests.dashboard.client.conftest import record_request, refuse_request
from tests.dashboard.conftest import text_of

URL = "/w/demo/explain/"


def test_a_request_is_explained_with_what_to_do_and_with_what_it_changed(adas, client, now):
    refuse_request(client, request_id="r-one")
    said = text_of(adas.get(f"{URL}?request_id=r-one"))
    assert "Refused: invalid_scope admin isn’t among this client’s scopes. Add it" in said
    assert "Sent by billing-sync on" in said
    record_request(client, request_id="r-two")
    disable_client(client=client, actor=Actor("user:1 ada@example.com", "203.0.113.61", "r-two"), now=now)
    said = text_of(adas.get(f"{URL}?request_id=r-two"))
    assert "Token issued" in said
    assert "What it changed" in said
    assert "disabled" in said


@pytest.mark.parametrize("typed", ["r-one", "  r-one ", "X-Request-Id: r-one", "< x-request-id: r-one", '"r-one"'])
def test_the_form_leads_to_an_address_that_can_be_sent_on(adas, client, typed):
    answer = adas.post(URL, {"request_id": typed})
    assert (answer.status_code, answer["Location"]) == (302, f"{URL}?request_id=r-one")


def test_what_is_not_found_or_is_of_another_workspace_says_where_else_to_look(adas, demo, other, now):
    foreign = factories.create_client(other).secret.client
    record_request(foreign, request_id="r-one")
    disable_client(client=foreign, actor=Actor("system", None, "r-one"), now=now)
    said = text_of(adas.get(f"{URL}?request_id=r-one"))
    assert "Nothing in this workspace has the ID r-one. Requests are kept for 30 days" in said
    assert "<b>x</b>" not in adas.get(f"{URL}?request_id=<b>x</b>").content.decode()


def test_a_secret_in_the_wrong_field_reaches_no_address(adas, billing):
    """Nor does the value of a Basic header."""
    pair = base64.b64encode(f"{billing.secret.client.client_id}:{billing.plaintext}".encode()).decode()
    for pasted in (billing.plaintext, pair):
        answer = adas.post(URL, {"request_id": pasted})
        assert answer.status_code == 200
        assert "That looks like a credential, so we didn’t look it up." in text_of(answer)
        assert pasted not in answer.content.decode()


@pytest.mark.parametrize("typed", ["", "a b", "x" * 129, "x" * 400, "ü"])
def test_text_that_isnt_a_request_id_is_rejected(adas, demo, typed):
    page = adas.post(URL, {"request_id": typed})
    assert page.status_code == 200
    assert "<title>Error: " in page.content.decode()
    assert "Nothing was looked up." in text_of(page)
