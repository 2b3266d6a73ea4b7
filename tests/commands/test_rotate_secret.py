"""manage.py rotate_secret CLIENT_ID [--overlap DURATION] [--name N] [--expires-in DURATION]."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from clients.models import AuditEvent, ClientSecret
from tests import factories


@pytest.fixture
def rotate(command, billing):
    return lambda *arguments: command("rotate_secret", billing.secret.client.client_id, *arguments, "--json").json


def test_old_secret_works_for_another_24_hours(rotate, billing):
    result = rotate()
    new = ClientSecret.objects.get(secret_id=result["secret_id"])
    old = ClientSecret.objects.get(pk=billing.secret.pk)
    assert old.expires_at == new.created_at + timedelta(hours=24)
    assert result["client_id"] == billing.secret.client.client_id
    assert result["expires_at"] is None
    assert result["previous"] == [{"secret_id": old.secret_id, "expires_at": old.expires_at.isoformat()}]
    assert old.is_usable(timezone.now())


def test_overlap_0_ends_the_old_one_at_once(rotate, billing):
    previous = rotate("--overlap", "0")["previous"]
    assert datetime.fromisoformat(previous[0]["expires_at"]) <= timezone.now()
    assert not ClientSecret.objects.get(pk=billing.secret.pk).is_usable(timezone.now())


def test_overlap_never_moves_an_earlier_end_later(rotate, billing):
    soon = factories.create_secret(billing.secret.client, lifetime=timedelta(minutes=1)).secret
    rotate("--overlap", "30d")
    assert ClientSecret.objects.get(pk=soon.pk).expires_at == soon.expires_at


def test_second_rotation_doesnt_prolong_what_the_first_one_ended(rotate, billing):
    rotate("--overlap", "1h")
    end = ClientSecret.objects.get(pk=billing.secret.pk).expires_at
    rotate("--overlap", "2h")
    assert ClientSecret.objects.get(pk=billing.secret.pk).expires_at == end


def test_expired_and_revoked_ones_are_left_alone(command, rotate, billing):
    client = billing.secret.client
    factories.expire(billing.secret)
    revoked = factories.create_secret(client).secret
    command("revoke_secret", client.client_id, revoked.secret_id)
    assert rotate()["previous"] == []


def test_new_one_gets_the_name_and_the_lifetime_of_the_old_one(rotate, billing):
    factories.create_secret(billing.secret.client, lifetime=timedelta(days=90), name="laptop")
    new = ClientSecret.objects.get(secret_id=rotate()["secret_id"])
    assert (new.name, new.expires_at - new.created_at) == ("laptop", timedelta(days=90))


def test_lifetime_outlives_a_rotation_that_cut_it_short(rotate, billing):
    factories.create_secret(billing.secret.client, lifetime=timedelta(days=90))
    rotate("--overlap", "1h")
    new = ClientSecret.objects.get(secret_id=rotate("--overlap", "0")["secret_id"])
    assert new.expires_at - new.created_at == timedelta(days=90)


def test_lifetime_is_kept_even_if_the_old_one_has_expired(rotate, billing):
    billing.secret.lifetime = 3600
    billing.secret.save()
    factories.expire(billing.secret)
    new = ClientSecret.objects.get(secret_id=rotate()["secret_id"])
    assert new.expires_at - new.created_at == timedelta(hours=1)


def test_client_that_lost_every_secret_gets_one_without_expiry(rotate, billing):
    billing.secret.delete()
    assert rotate()["expires_at"] is None


def test_name_and_lifetime_can_be_given(rotate, billing):
    new = ClientSecret.objects.get(secret_id=rotate("--name", "server", "--expires-in", "30m")["secret_id"])
    assert (new.name, new.expires_at - new.created_at) == ("server", timedelta(minutes=30))


def test_one_event_tells_all_that_changed(rotate, billing):
    result = rotate("--overlap", "0")
    event = AuditEvent.objects.first()
    assert (event.event, event.target_id) == ("secret.rotated", result["secret_id"])
    assert event.before == {"expires_at": {billing.secret.secret_id: None}}
    assert set(event.after["expires_at"]) == {billing.secret.secret_id, result["secret_id"]}
    assert result["client_secret"] not in str(event.after)


def test_table_lists_the_old_ones(command, billing):
    text = command("rotate_secret", billing.secret.client.client_id).stdout
    assert "\nPrevious\n  Secret ID" in text
    assert text.count(billing.secret.secret_id) == 1


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--overlap", "-5h"], "“-5h” isn't a duration. Use for example 90d, 24h"),
        (["--overlap=-5h"], "“-5h” isn't a duration"),
        (["--overlap", "1 day"], "isn't a duration"),
        (["--overlap", ""], "isn't a duration"),
        (["--overlap"], "expected one argument"),
        (["--expires-in", "0"], "Choose a longer lifetime"),
        (["--name", "x" * 101], "Use at most 100."),
    ],
)
def test_bad_value_is_refused(refused, billing, arguments, hint):
    assert hint in refused("rotate_secret", billing.secret.client.client_id, *arguments)


def test_unknown_client_is_refused(refused, billing):
    assert "There is no client" in refused("rotate_secret", "nobody")
