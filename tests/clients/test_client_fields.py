"""What a client can't be made with: each field's limits."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from clients.models import AuditEvent, Client
from clients.services import clients, scopes
from tests.factories import TESTS, create_workspace


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"environment": "prod"}, "unknown_environment"),
        ({"auth_methods": []}, "required"),
        ({"auth_methods": ["none"]}, "unknown_method"),
        ({"scopes": ["read", "admin"]}, "unknown_scope"),
        ({"scopes": [str(number) for number in range(51)]}, "too_many"),
        ({"token_lifetime": timedelta(seconds=59)}, "invalid_token_lifetime"),
        ({"token_lifetime": timedelta(hours=24, seconds=1)}, "invalid_token_lifetime"),
        ({"audiences": ["api"]}, "invalid_audience"),
        ({"allowed_networks": ["10.0.0.1/8"]}, "invalid_network"),
        ({"tags": ["a", ""]}, "required"),
        ({"name": "\n"}, "required"),
    ],
)
def test_invalid_value_is_refused_and_nothing_is_written(workspace, now, fields, code):
    events = AuditEvent.objects.count()
    with pytest.raises(ValidationError) as error:
        clients.create_client(**{"workspace": workspace, "name": "x", "actor": TESTS, "now": now, **fields})
    assert error.value.code == code
    assert not Client.objects.exists()
    assert AuditEvent.objects.count() == events


def test_scope_of_another_workspace_is_unknown(workspace, now):
    scopes.create_scope(workspace=create_workspace("other"), name="orders:read", description="", actor=TESTS, now=now)
    with pytest.raises(ValidationError, match="demo has no scope orders:read"):
        clients.create_client(workspace=workspace, name="x", scopes=["orders:read"], actor=TESTS, now=now)


@pytest.mark.parametrize("lifetime", [timedelta(seconds=60), timedelta(hours=24)])
def test_token_lifetime_ranges_from_a_minute_to_a_day(workspace, now, lifetime):
    client = clients.create_client(workspace=workspace, name="x", token_lifetime=lifetime, actor=TESTS, now=now)
    assert client.token_lifetime == lifetime.total_seconds()


def test_scopes_and_audiences_that_no_token_can_hold_are_refused(workspace, now):
    audiences = [f"https://{'a' * 200}{number}.example.com" for number in range(20)]
    with pytest.raises(ValidationError, match=r"too many for a token\. Use at most 4,000\."):
        clients.create_client(workspace=workspace, name="x", audiences=audiences, actor=TESTS, now=now)
    assert clients.create_client(workspace=workspace, name="x", audiences=audiences[:18], actor=TESTS, now=now).audiences == audiences[:18]
