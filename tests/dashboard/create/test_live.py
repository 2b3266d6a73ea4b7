"""/w/<workspace>/clients/<client_id>/live/: requests of one client as they arrive; a fragment for the script, a page for everybody."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import RecordedRequest
from clients.services.rotation import rotate_secret
from tests import factories
from tests.dashboard.conftest import text_of


@pytest.fixture
def client(demo):
    return factories.create_client(demo, name="refunds-worker").secret.client


def record(client, *, ago=0, **fields):
    values = {"endpoint": "token", "status": 200, "address": "203.0.113.61", "scope": "read write", "microseconds": 38_000, **fields}
    now = timezone.now() - timedelta(seconds=ago)
    return RecordedRequest.objects.create(client=client, workspace=client.workspace, request_id=f"r{ago}", created_at=now, **values)


def poll(browser, client, after=""):
    page = browser.get(f"/w/demo/clients/{client.client_id}/live/?after={after}", headers={"HX-Request": "true"})
    assert page.status_code == 200
    assert page["Cache-Control"] == "no-store"
    assert "HX-Request" in page["Vary"]
    assert "<html" not in page.content.decode()
    return text_of(page)


def test_each_request_says_to_whom_for_how_long_by_which_credential_or_why_it_was_refused(bens, client):
    record(client, ago=2)
    assert "Token issued to 203.0.113.61 with read write, valid for 1 h. That was your first token. 38 ms" in poll(bens, client)
    record(client, credential="Kp4zR1uWq9")
    record(client, ago=1, credential="key:k-3f9c")
    record(client, status=401, error="invalid_client", reason="bad_checksum", detail="The secret's checksum is wrong. The secret was cut off or mistyped.")
    text = poll(bens, client)
    assert "38 ms by secret Kp4zR1uWq9" in text
    assert "38 ms by public key k-3f9c" in text
    assert "Refused from 203.0.113.61: invalid_client. The secret’s checksum is wrong. The secret was cut off or mistyped." in text


def test_only_the_first_token_is_the_first_and_only_what_is_newer_comes(bens, client):
    first = record(client, ago=5, address="192.0.2.1")
    last = record(client, ago=2, address="192.0.2.2")
    text = poll(bens, client, after=first.pk)
    assert "first token" not in text
    assert "192.0.2.2" in text
    assert "192.0.2.1" not in text
    assert poll(bens, client).count("first token") == 1
    assert poll(bens, client, after=last.pk) == ""
    # Of an old client nobody knows which was the first.
    client.created_at = timezone.now() - timedelta(days=2)
    client.save(update_fields=["created_at"])
    assert "first token" not in poll(bens, client)


def test_what_came_before_a_rotation_and_is_written_after_it_is_not_shown_as_its_first(bens, client):
    """Usage is written some seconds later, so its row is newer than the page that shows the new secret."""
    seen = record(client, ago=8)
    rotate_secret(client=client, overlap=timedelta(hours=1), actor=factories.TESTS, now=timezone.now() - timedelta(seconds=3))
    RecordedRequest.objects.filter(pk=seen.pk).delete()
    record(client, ago=5, address="192.0.2.1")
    record(client, ago=1, address="192.0.2.2")
    text = poll(bens, client, after=seen.pk)
    assert "192.0.2.2" in text
    assert "192.0.2.1" not in text
    assert "first token" not in text


def test_what_is_over_an_hour_old_stays_away_and_of_a_flood_the_newest_come(bens, client):
    record(client, ago=3700, address="192.0.2.9")
    assert poll(bens, client) == ""
    for number in range(25):
        record(client, ago=100 - number)
    assert poll(bens, client).count("Token issued") == 20


def test_what_other_clients_ask_for_is_not_among_it_and_another_workspace_finds_nothing(bens, eves, demo, other, client):
    for stranger in (factories.create_client(demo, name="route-planner"), factories.create_client(other)):
        record(stranger.secret.client)
    assert poll(bens, client) == ""
    assert eves.get(f"/w/other/clients/{client.client_id}/live/").status_code == 404


@pytest.mark.parametrize("after", ["x", "-1", "9" * 30, "٣", "%00"])
def test_nonsense_for_after_is_nothing(bens, client, after):
    record(client)
    assert "Token issued" in poll(bens, client, after=after)


def test_it_is_a_page_too(bens, client, django_assert_max_num_queries):
    path = f"/w/demo/clients/{client.client_id}/live/"
    assert "No request in the last hour. Show examples" in text_of(bens.get(path))
    record(client)
    with django_assert_max_num_queries(12):
        page = bens.get(path)
    assert "Token issued to 203.0.113.61" in text_of(page)
