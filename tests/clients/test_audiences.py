"""Which workspace an audience belongs to: the first to register it, until the operator hands it over."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from clients.models import Audience, AuditEvent, Client
from clients.services import scopes
from clients.services.audiences import claim_audiences, find_foreign_audiences, hand_over_audience, say_foreign
from clients.services.client_changes import propose, update_client
from clients.services.clients import create_client
from tests import factories
from tests.factories import TESTS

API = "https://api.example.com"
DEMO, OTHER = "https://localhost:8443/w/demo", "https://localhost:8443/w/other"


@pytest.fixture
def other(demo):
    return factories.create_workspace("other", owner="eve@example.com")


@pytest.fixture
def make(now):
    def make(workspace, *audiences, name="client"):
        return create_client(workspace=workspace, name=name, audiences=audiences, actor=TESTS, now=now)

    return make


def test_the_first_workspace_to_register_an_audience_has_it(demo, other, make):
    make(demo, API)
    make(demo, API, "https://second.example.com")
    assert dict(Audience.objects.values_list("uri", "workspace__slug")) == {API: "demo", "https://second.example.com": "demo"}
    for uri in (API, "https://API.example.com:443/", "https://api.example.com/x/..", "http://api.example.com"):
        with pytest.raises(ValidationError, match="belongs to another workspace") as error:
            make(other, uri)
        assert error.value.code == "audience_taken"
        assert "demo" not in error.value.message
        assert f"manage.py hand_over_audience {uri} --workspace other" in error.value.message
    assert Client.objects.filter(workspace=other).count() == 0


def test_a_client_cant_be_given_another_workspaces_audience_later(demo, other, make, now):
    make(demo, API)
    client = make(other, "https://mine.example.com")
    for change in (propose, lambda client, **fields: update_client(client=client, actor=TESTS, now=now, **fields)):
        with pytest.raises(ValidationError, match="belongs to another workspace"):
            change(client, audiences=["https://mine.example.com", f"{API}/"])
    update_client(client=client, audiences=["https://new.example.com"], actor=TESTS, now=now)
    assert Audience.objects.get(uri="https://new.example.com").workspace == other


@pytest.mark.parametrize(
    "uri", [DEMO, f"{OTHER}/", "https://LOCALHOST:8443/w/other", "https://localhost:8443", "https://localhost:8443/api/v1", "http://localhost:8443/w/demo"]
)
def test_an_audience_of_the_instance_is_refused_unless_it_is_the_workspaces_own(other, make, uri):
    with pytest.raises(ValidationError, match="is an address of this instance") as error:
        make(other, uri)
    assert OTHER in error.value.message


def test_the_workspaces_own_audience_may_be_among_a_clients(demo, make):
    assert make(demo, DEMO, API).audiences == [DEMO, API]
    assert [str(audience) for audience in Audience.objects.all()] == [API]


@pytest.mark.parametrize(
    "uri",
    ["https://@api.example.com", "https://:pw@api.example.com", "https:api.example.com", "https:///api.example.com", "https://%61pi.example.com", "https://"],
)
def test_a_uri_that_libraries_read_differently_is_refused(demo, make, uri):
    with pytest.raises(ValidationError, match="isn't an audience"):
        make(demo, uri)


def test_an_unused_audience_still_belongs_to_its_workspace(demo, other, make, now):
    make(demo, API)
    scopes.remove_audience(workspace=demo, audience=API, actor=TESTS, now=now)
    with pytest.raises(ValidationError):
        make(other, API)


def test_the_database_lets_an_audience_have_only_one_workspace(demo, other, make, now):
    make(demo, API)
    row = Audience.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Audience.objects.create(workspace=other, key=row.key, uri=API, created_at=now)
    with pytest.raises(ValidationError), transaction.atomic():
        claim_audiences(other, [API], now=now)


def test_of_two_workspaces_that_register_it_at_once_one_has_it(run_on_postgresql):
    assert run_on_postgresql("tests.clients.audiences_at_once") == {"owners": 10, "mixed": [], "wrong": []}


def test_the_operator_can_hand_it_over_and_clients_of_the_one_lose_it_to_those_of_the_other(demo, other, make, now):
    """Their list keeps the name; only tokens for it are affected."""
    theirs, mine, aside = make(demo, API), make(other), make(demo, "https://aside.example.com")
    done = hand_over_audience(uri=f"{API}/", workspace=other, actor=TESTS, now=now)
    assert (done.audience.uri, done.audience.workspace, done.previous, done.withheld, done.released) == (API, other, "demo", 1, 0)
    theirs.refresh_from_db()
    assert (theirs.audiences, theirs.withheld_audiences) == ([API], [API])
    aside.refresh_from_db()
    assert aside.withheld_audiences == []
    update_client(client=mine, audiences=[API], actor=TESTS, now=now)
    events = AuditEvent.objects.filter(event="audience.handed_over").order_by("pk")
    assert [(event.workspace.slug, event.target_id, event.after) for event in events] == [
        ("demo", API, {"belongs_to_workspace": False, "clients": 1}),
        ("other", API, {"belongs_to_workspace": True, "clients": 0}),
    ]
    back = hand_over_audience(uri=API, workspace=demo, actor=TESTS, now=now)
    assert (back.previous, back.withheld, back.released) == ("other", 1, 1)
    theirs.refresh_from_db()
    assert theirs.withheld_audiences == []


def test_a_deleted_workspaces_audience_is_withheld_until_somebody_decides(demo, other, make, now):
    client = make(other)
    Client.objects.filter(pk=client.pk).update(audiences=[API], withheld_audiences=[API])
    [found] = find_foreign_audiences()
    assert (found.uri, found.owner) == (API, None)
    assert "belonged to a workspace that was deleted" in say_foreign(found)
    claim_audiences(other, [API], now=now)
    assert hand_over_audience(uri=API, workspace=other, actor=TESTS, now=now).released == 1
    assert AuditEvent.objects.get(event="audience.handed_over").after == {"belongs_to_workspace": True, "clients": 1}
    assert list(find_foreign_audiences()) == []


def test_an_audience_can_be_given_to_a_workspace_before_anybody_registers_it_and_once(demo, other, make, now):
    for _ in range(2):
        assert hand_over_audience(uri=API, workspace=other, actor=TESTS, now=now).previous is None
        assert AuditEvent.objects.get(event="audience.handed_over").workspace == other
    with pytest.raises(ValidationError):
        make(demo, API)
    # Nor does anything change where a client has it already.
    make(other, API)
    assert hand_over_audience(uri=API, workspace=other, actor=TESTS, now=now).released == 0
    assert AuditEvent.objects.filter(event="audience.handed_over").count() == 1


@pytest.mark.parametrize("uri", [DEMO, OTHER, "https://localhost:8443/", "nonsense"])
def test_only_an_apis_audience_can_be_handed_over(demo, other, now, uri):
    with pytest.raises(ValidationError):
        hand_over_audience(uri=uri, workspace=demo, actor=TESTS, now=now)


def test_a_withheld_audience_can_be_removed_and_the_others_edited(demo, other, make, now):
    make(demo, API)
    kept, changed = make(other, "https://a.example.com"), make(other, "https://b.example.com")
    Client.objects.filter(workspace=other).update(audiences=[API, "https://mine.example.com"], withheld_audiences=[API])
    update_client(client=kept, description="Still there", actor=TESTS, now=now)
    update_client(client=changed, audiences=["https://mine.example.com"], actor=TESTS, now=now)
    assert list(Client.objects.filter(workspace=other).order_by("pk").values_list("withheld_audiences", flat=True)) == [[API], []]
    scopes.remove_audience(workspace=other, audience=API, actor=TESTS, now=now)
    kept.refresh_from_db()
    assert (kept.audiences, kept.withheld_audiences) == (["https://mine.example.com"], [])


def test_every_foreign_audience_is_found(demo, other, make):
    make(demo, API)
    fine, foreign = make(other, "https://mine.example.com", OTHER), make(other)
    uris = [API, DEMO, "https://localhost:8443/elsewhere", OTHER, "https://never.example.com"]
    Client.objects.filter(pk=foreign.pk).update(audiences=uris)
    assert [(one.client, one.uri, one.owner) for one in find_foreign_audiences()] == [
        (foreign, API, "demo"),
        (foreign, DEMO, "demo"),
        (foreign, "https://localhost:8443/elsewhere", None),
    ]
    assert fine.withheld_audiences == []
