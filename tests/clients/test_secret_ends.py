"""Moving a secret's expiry."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from clients.models import AuditEvent, ClientSecret
from clients.services import rotation, secret_ends, secrets
from clients.services.workspaces import change_workspace
from tests.clients.conftest import demand
from tests.factories import TESTS, create_client, create_secret, create_workspace, expire

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def old(db, now):
    """A secret in its overlap of 24 hours, with the new one beside it."""
    secret = create_client(create_workspace("demo"), now=now).secret
    rotation.rotate_secret(client=secret.client, overlap=DAY, actor=TESTS, now=now)
    secret.refresh_from_db()
    return secret


def extend(secret, expires_at, now):
    return secret_ends.extend_secret(client=secret.client, secret_id=secret.secret_id, expires_at=expires_at, actor=TESTS, now=now)


def end(secret, now):
    return secret_ends.end_secret(client=secret.client, secret_id=secret.secret_id, actor=TESTS, now=now)


def events():
    return list(AuditEvent.objects.filter(event__in=["secret.extended", "secret.ended"]).values_list("event", "target_id", "before", "after"))


def test_an_overlap_is_extended_with_an_event_that_says_from_when_to_when_and_a_successor_gets_the_life_as_before(old, now):
    was, lifetime = old.expires_at, old.lifetime
    extended = extend(old, now + 7 * DAY, now)
    old.refresh_from_db()
    assert extended.expires_at == old.expires_at == now + 7 * DAY
    assert old.lifetime == lifetime
    after = {"client_id": old.client.client_id, "expires_at": (now + 7 * DAY).isoformat()}
    assert events() == [("secret.extended", old.secret_id, {"expires_at": was.isoformat()}, after)]


def test_what_has_no_end_or_has_ended_and_an_end_that_is_no_later_or_in_a_hundred_years_is_refused(old, now):
    def refused(expires_at, said):
        with pytest.raises(ValidationError, match=said) as error:
            extend(old, expires_at, now)
        assert events() == []
        return error.value.code

    for later in (timedelta(), -HOUR):
        assert refused(old.expires_at + later, "already works until then") == "not_later"
    refused(now + 36501 * DAY, "36,500 days")
    row = ClientSecret.objects.filter(pk=old.pk)
    row.update(expires_at=None)
    refused(now + DAY, "has no expiry date, so it can't be extended")
    row.update(expires_at=now + DAY, revoked_at=now)
    refused(now + 2 * DAY, "has expired and can't be extended")
    row.update(revoked_at=None)
    expire(old)
    assert refused(now + DAY, "has expired and can't be extended") == "ended"


def test_a_secret_is_extended_up_to_the_longest_life_that_the_workspace_allows_from_its_creation(old, now):
    change_workspace(workspace=old.client.workspace, max_secret_lifetime_days=30, actor=TESTS, now=now)
    with pytest.raises(ValidationError, match="demo limits secrets to 30 days, so this one can work until") as error:
        extend(old, now + 30 * DAY + HOUR, now)
    assert error.value.code == "against_policy"
    assert extend(old, old.created_at + 30 * DAY, now).expires_at == old.created_at + 30 * DAY


def test_a_secret_that_is_ended_obtains_nothing_more_but_is_not_revoked_nor_ended_again(old, now):
    was, later = old.expires_at, now + HOUR
    ended = end(old, later)
    assert (ended.expires_at, ended.revoked_at, ended.state(later)) == (later, None, "expired")
    assert end(old, now + 2 * HOUR).expires_at == later
    after = {"client_id": old.client.client_id, "expires_at": later.isoformat()}
    assert events() == [("secret.ended", old.secret_id, {"expires_at": was.isoformat()}, after)]


def test_a_secret_without_expiry_can_be_ended_and_one_of_a_clock_that_is_ahead_ends_at_its_creation(old, now):
    row = ClientSecret.objects.filter(pk=old.pk)
    row.update(expires_at=None)
    assert end(old, now + HOUR).expires_at == now + HOUR
    row.update(expires_at=None, created_at=now + HOUR)
    assert end(old, now).expires_at == now + HOUR


@pytest.mark.parametrize("change", [lambda secret, now: extend(secret, now + 3 * DAY, now), end], ids=["extend", "end"])
def test_a_secret_of_another_client_is_unknown(old, now, change):
    other = create_client(old.client.workspace, name="other").secret
    other.client = old.client
    with pytest.raises(ValidationError, match="has no secret") as error:
        change(other, now)
    assert error.value.code == "unknown_secret"


def test_an_extension_without_its_event_is_undone(old, now):
    was = old.expires_at
    with pytest.raises(Exception, match="NOT NULL"):
        secret_ends.extend_secret(client=old.client, secret_id=old.secret_id, expires_at=now + 2 * DAY, actor=type(TESTS)(TESTS.name, request_id=None), now=now)
    assert ClientSecret.objects.get(pk=old.pk).expires_at == was


def test_why_something_was_revoked_is_kept_without_a_secret_in_it_in_200_characters_at_most(old, now):
    new = secrets.create_secret(client=old.client, actor=TESTS, now=now)

    def revoke(secret, **reason):
        return secrets.revoke_secret(client=old.client, secret_id=secret.secret_id, actor=TESTS, now=now, **reason)

    with pytest.raises(ValidationError, match="Use at most 200"):
        revoke(old, reason="x" * 201)
    old.refresh_from_db()
    assert old.revoked_at is None
    revoke(old, reason=f" It leaked: {new.plaintext} ")
    assert AuditEvent.objects.get(event="secret.revoked").after["reason"] == f"It leaked: tos_live_{new.secret.secret_id}…"
    revoke(new.secret)
    assert "reason" not in AuditEvent.objects.get(event="secret.revoked", target_id=new.secret.secret_id).after


# Secrets that are there already


def test_secrets_are_given_an_end_each_with_its_event(workspace, now):
    client = create_client(workspace, now=now).secret.client
    create_secret(client, lifetime=400 * DAY, now=now)
    soon = create_secret(client, lifetime=2 * DAY, now=now).secret
    revoked = create_secret(client, now=now).secret
    secrets.revoke_secret(client=client, secret_id=revoked.secret_id, actor=TESTS, now=now)
    others = create_client(create_workspace("other"), now=now).secret
    assert secret_ends.give_ends(workspace=workspace, lifetime=30 * DAY, actor=TESTS, now=now) == 2
    assert sorted(client.secrets.usable(now).values_list("expires_at", flat=True)) == [now + 2 * DAY, now + 30 * DAY, now + 30 * DAY]
    assert {event.after["expires_at"] for event in AuditEvent.objects.filter(event="secret.changed")} == {(now + 30 * DAY).isoformat()}
    assert AuditEvent.objects.filter(event="secret.changed").count() == 2
    assert ClientSecret.objects.get(pk=soon.pk).expires_at == now + 2 * DAY
    assert ClientSecret.objects.get(pk=revoked.pk).expires_at is ClientSecret.objects.get(pk=others.pk).expires_at is None


def test_no_end_at_once_and_none_that_is_too_late(workspace, now):
    demo = demand(workspace, now, max_secret_lifetime_days=30)
    with pytest.raises(ValidationError, match="at least one day"):
        secret_ends.give_ends(workspace=demo, lifetime=timedelta(), actor=TESTS, now=now)
    with pytest.raises(ValidationError, match="at most 30d"):
        secret_ends.give_ends(workspace=demo, lifetime=31 * DAY, actor=TESTS, now=now)
