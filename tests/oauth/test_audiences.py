"""Which APIs a client gets tokens for: its own audiences, and never those of another workspace. RFC 8707, RFC 9068 §2.2."""

import jwt
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from clients.models import Client, RecordedRequest
from clients.services.audiences import hand_over_audience
from tests.factories import TESTS
from tests.oauth.conftest import reason_of

API = "https://api.example.com"
DEMO, OTHER = "https://localhost:8443/w/demo", "https://localhost:8443/w/other"


def audience_of(answer):
    assert answer.status == 200, answer.body
    return jwt.decode(answer.json()["access_token"], options={"verify_signature": False})["aud"]


@pytest.fixture
def foreign(demo, other, make):
    """Eve's client with audiences that belong to demo, as from an earlier version. Set them with set(uris, withheld)."""
    make(demo, audiences=(API,))
    program = make(other)

    def have(*uris, withheld=()):
        Client.objects.filter(pk=program.client.pk).update(audiences=uris, withheld_audiences=withheld)
        return program

    return have


@pytest.mark.parametrize("uri", [DEMO, f"{DEMO}/", "https://localhost:8443", API])
def test_no_client_of_another_workspace_can_be_made_for_it(demo, other, make, uri):
    make(demo, audiences=(API,))
    with pytest.raises(CommandError):
        call_command("create_client", "--workspace", "other", "--name", "x", "--audience", uri)
    assert not Client.objects.filter(workspace=other).exists()


@pytest.mark.parametrize("uri", [DEMO, "https://LOCALHOST:8443/w/demo/", "https://localhost:8443/api/v1"])
def test_what_is_below_the_issuer_is_in_no_token_of_another_workspace_however_it_came_into_the_database(send, foreign, uri):
    eves = foreign(uri, "https://eves.example.com")
    assert audience_of(send.token(eves.basic)) == "https://eves.example.com"
    answer = send.token(eves.basic, {"resource": uri})
    assert answer.error == (400, "invalid_target")
    assert reason_of(answer.request_id) == "audience_withheld"


def test_a_client_that_has_no_other_audience_is_refused_and_its_owner_reads_why(send, foreign):
    """Not a token for something else: the program would only learn that its API refuses it."""
    answer = send.token(foreign(API, withheld=[API]).basic)
    assert answer.error == (400, "invalid_target")
    row = RecordedRequest.objects.get(request_id=answer.request_id)
    assert row.reason == "audience_withheld"
    assert row.detail.startswith(f"{API} belongs to another workspace of this instance")
    assert API not in answer.body.decode()


def test_the_workspaces_own_audience_can_be_had_all_the_same(send, foreign):
    assert audience_of(send.token(foreign(API, withheld=[API]).basic, {"resource": OTHER})) == OTHER


def test_what_the_operator_hands_over_is_issued_at_once_and_no_more_to_the_others(send, demo, other, make, foreign, now):
    eves, mine = foreign(API, withheld=[API]), make(demo, audiences=(API,))
    hand_over_audience(uri=API, workspace=other, actor=TESTS, now=now)
    assert audience_of(send.token(eves.basic)) == API
    assert send.token(mine.basic).error == (400, "invalid_target")


def test_a_client_whose_audiences_are_withheld_speaks_for_no_api(send, other, make, foreign):
    eves = foreign(API, withheld=[API])
    token = send.token(make(other, name="another").basic).json()["access_token"]
    assert send.post("/oauth2/introspect", {"token": token}, eves.basic).json() == {"active": False}
    assert send.get("/gateway/other/verify", eves.basic, query=f"audience={API}").status == 401


def test_a_new_issuer_url_withholds_what_is_below_it(send, demo, make, settings):
    program = make(demo, audiences=("https://new.example.com/w/other",))
    assert audience_of(send.token(program.basic)) == "https://new.example.com/w/other"
    settings.ISSUER_URL = "https://new.example.com"
    assert send.token(program.basic).error == (400, "invalid_target")
