"""Why a request was refused, in words, and what to do about it."""

import pytest
from django.urls import resolve

from clients.models import RecordedRequest
from dashboard.explain.refusals import explain, explain_reason, title_of
from dashboard.models import Membership
from oauth.reasons import REFUSALS
from tests import factories


@pytest.fixture
def client(demo):
    return factories.create_client(demo).secret.client


def membership(demo, role):
    return Membership(workspace=demo, role=role)


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_each_link_leads_to_a_page_that_is_there(demo, client, code):
    url = explain_reason(code, "It was refused.", client=client, to=membership(demo, Membership.Role.OWNER)).url
    assert not url or resolve(url).kwargs["workspace"] == "demo"


def test_a_scope_that_the_client_lacks_can_be_added(demo, client):
    recorded = RecordedRequest(client=client, reason="scope_not_allowed", detail="admin isn't among this client's scopes.")
    explanation = explain(recorded, to=membership(demo, Membership.Role.DEVELOPER))
    assert explanation.words == "admin isn’t among this client’s scopes."
    assert explanation.label == "Add it"
    assert explanation.url == f"/w/demo/clients/{client.client_id}/settings/"


def test_people_who_cannot_do_the_fix_see_it_without_the_link(demo, client):
    explained = {
        role: explain_reason("client_disabled", "This client is disabled.", client=client, to=membership(demo, role)).label
        for role in (Membership.Role.DEVELOPER, Membership.Role.ADMIN)
    }
    assert explained == {Membership.Role.DEVELOPER: "", Membership.Role.ADMIN: "Enable client"}


def test_a_request_that_names_no_client_has_no_link(demo):
    explanation = explain_reason("secret_expired", "Secret x ended.", client=None, to=membership(demo, Membership.Role.OWNER))
    assert (explanation.label, explanation.url) == ("", "")


def test_a_code_of_an_older_version_is_said_by_its_sentence_alone(demo, client):
    explanation = explain_reason("gone_since", "It isn't good.", client=client, to=membership(demo, Membership.Role.OWNER))
    assert (explanation.words, explanation.advice, explanation.label) == ("It isn’t good.", "", "")


def test_a_reason_has_a_title_where_many_are_counted():
    assert title_of("address_not_allowed") == "Address not in the client’s ranges"


def test_a_code_of_an_older_version_is_its_own_title():
    assert title_of("gone_since") == "gone_since"
