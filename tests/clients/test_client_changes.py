"""update_client: one event with only what changed, and the slower editor is told what the other did."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from clients.models import AuditEvent, Client
from clients.services.client_changes import find_changes_since, fingerprint, propose, update_client
from clients.services.workspaces import change_workspace
from tests.factories import TESTS


@pytest.fixture
def client(billing):
    return billing.secret.client


def update(client, now, **fields):
    return update_client(client=client, actor=TESTS, now=now, **fields)


def test_what_is_given_changes_and_all_else_stays_and_nothing_new_is_no_event(client, now):
    events = AuditEvent.objects.count()
    assert update(client, now, name="billing-sync", scopes=["read", "write"]).after == {}
    assert AuditEvent.objects.count() == events
    changed = update(client, now, name=" renamed ", scopes=["write"], token_lifetime=timedelta(minutes=5))
    assert changed.before == {"name": "billing-sync", "scopes": ["read", "write"], "token_lifetime": 3600}
    assert changed.after == {"name": "renamed", "scopes": ["write"], "token_lifetime": 300}
    row = Client.objects.get()
    assert (row.name, row.scopes, row.token_lifetime, row.auth_methods) == ("renamed", ["write"], 300, client.auth_methods)
    event = AuditEvent.objects.first()
    assert (event.event, event.before, event.after) == ("client.changed", changed.before, changed.after)


@pytest.mark.parametrize("odd", ["https://api.example.com/$(id)", "https://ada@api.example.com", "http:api", "https://%61pi.example.com"])
def test_audience_of_before_the_rules_may_stay_and_a_new_one_like_it_may_not_come(client, now, odd):
    Client.objects.update(audiences=[odd])
    changed = update(client, now, name="renamed", audiences=[odd, "https://other.example.com"])
    assert changed.client.audiences == [odd, "https://other.example.com"]
    with pytest.raises(ValidationError) as error:
        update(client, now, audiences=[odd, f"{odd};"])
    assert error.value.code == "invalid_audience"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": ""}, "required"),
        ({"scopes": ["nope"]}, "unknown_scope"),
        ({"auth_methods": []}, "required"),
        ({"auth_methods": ["tls_client_auth"]}, "required"),
        ({"jwks_uri": "https://billing.example.com/jwks.json"}, "unused"),
        ({"token_lifetime": timedelta(seconds=59)}, "invalid_token_lifetime"),
        ({"allowed_networks": ["10.0.0.1/8"]}, "invalid_network"),
    ],
)
def test_invalid_value_is_refused_beforehand_and_nothing_is_written(client, now, fields, code):
    for attempt in (lambda: update(client, now, **fields), lambda: propose(client, **fields)):
        with pytest.raises(ValidationError) as error:
            attempt()
        assert error.value.code == code
    assert not AuditEvent.objects.filter(event="client.changed").exists()


def test_keys_of_an_address_and_a_subject_can_be_given_and_taken_away(client, now):
    update(client, now, auth_methods=["private_key_jwt"], jwks_uri="https://billing.example.com/jwks.json")
    assert update(client, now, name="renamed").after == {"name": "renamed"}
    assert update(client, now, jwks_uri="").after == {"jwks_uri": ""}


def test_policies_hold_for_what_changes_only(client, now):
    change_workspace(workspace=client.workspace, allowed_auth_methods=["client_secret_basic"], max_token_lifetime=600, actor=TESTS, now=now)
    client.refresh_from_db()
    assert update(client, now, name="renamed").after == {"name": "renamed"}
    for fields in ({"token_lifetime": timedelta(seconds=900)}, {"auth_methods": ["client_secret_post"]}):
        with pytest.raises(ValidationError) as error:
            update(client, now, **fields)
        assert error.value.code == "against_policy"
    update(client, now, token_lifetime=timedelta(seconds=600), auth_methods=["client_secret_basic"])


def test_the_slower_editor_writes_nothing_and_learns_what_changed(client, now):
    seen = fingerprint(client)
    update(client, now, contact="a@example.com", description="x")
    update(client, now, contact="b@example.com", description="")
    with pytest.raises(ValidationError) as error:
        update(client, now, seen=seen, contact="c@example.com")
    assert error.value.code == "changed_meanwhile"
    client.refresh_from_db()
    meanwhile = find_changes_since(client, seen)
    assert (meanwhile.before, meanwhile.after) == ({"contact": ""}, {"contact": "b@example.com"})
    assert meanwhile.authors["contact"].actor == TESTS.name
    assert meanwhile.authors.keys() == {"contact"}
    update(client, now, seen=fingerprint(client), contact="c@example.com")


def test_audit_log_that_does_not_reach_back_tells_nothing_and_a_deleted_client_is_told(client, now):
    assert find_changes_since(client, "0123456789abcdef") is None
    Client.objects.all().delete()
    with pytest.raises(ValidationError, match="billing-sync no longer exists"):
        update(client, now, name="x")
