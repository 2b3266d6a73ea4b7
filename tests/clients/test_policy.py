"""What a workspace requires of its clients, as services enforce it: create_client, create_secret, rotate_secret and those for keys."""

from datetime import timedelta
from functools import partial

import pytest
from django.core.exceptions import ValidationError

from clients.duration import NO_END
from clients.models import AuditEvent, Client, ClientSecret, Workspace
from clients.services import clients, rotation
from tests.clients.conftest import demand
from tests.factories import TESTS, create_secret

DAY = timedelta(days=1)


def make(workspace, now, **fields):
    return clients.create_client_with_credentials(workspace=workspace, name="billing-sync", actor=TESTS, now=now, **fields)


def refusal(act):
    with pytest.raises(ValidationError) as error:
        act()
    assert error.value.code == "against_policy"
    return error.value.messages[0]


# Methods


def test_method_that_isnt_allowed_is_refused_with_what_is_and_who_can_change_it(workspace, now):
    demo = demand(workspace, now, allowed_auth_methods=["private_key_jwt"])
    said = refusal(lambda: make(demo, now, auth_methods=["client_secret_basic", "private_key_jwt"]))
    assert said == "demo doesn’t allow client_secret_basic. It allows private_key_jwt. Admins and owners of demo can change that in its settings."
    assert not Client.objects.exists()


def test_client_that_asks_for_no_method_gets_the_allowed_ones_if_it_has_what_they_take(workspace, now):
    demo = demand(workspace, now, allowed_auth_methods=["client_secret_post", "private_key_jwt"])
    assert make(demo, now).client.auth_methods == ["client_secret_post"]
    assert make(demo, now, jwks_uri="https://example.com/jwks.json").client.auth_methods == ["client_secret_post", "private_key_jwt"]
    demo = demand(demo, now, allowed_auth_methods=["private_key_jwt"])
    assert "Give the client a key" in refusal(lambda: make(demo, now))


# Lives of secrets


def test_secret_gets_the_default_where_nobody_says_anything(workspace, now):
    demo = demand(workspace, now, default_secret_lifetime_days=90)
    assert make(demo, now).secret.secret.expires_at == now + 90 * DAY
    assert make(demo, now, secret_lifetime=NO_END).secret.secret.expires_at is None
    assert make(demo, now, secret_lifetime=2 * DAY).secret.secret.expires_at == now + 2 * DAY


def test_without_a_default_it_gets_the_longest_life_and_a_longer_one_is_refused(workspace, now):
    demo = demand(workspace, now, max_secret_lifetime_days=30)
    new = make(demo, now)
    assert new.secret.secret.expires_at == now + 30 * DAY
    assert create_secret(new.client, now=now).secret.expires_at == now + 30 * DAY
    assert make(demo, now, secret_lifetime=30 * DAY).secret.secret.lifetime == 30 * 86400
    for lifetime, said in ((31 * DAY, "demo allows at most 30d for secrets."), (NO_END, "requires an expiry date for each secret")):
        for act in (
            lambda lifetime: make(demo, now, secret_lifetime=lifetime),
            lambda lifetime: create_secret(new.client, lifetime=lifetime),
            lambda lifetime: rotation.rotate_secret(client=new.client, lifetime=lifetime, actor=TESTS, now=now),
        ):
            assert said in refusal(partial(act, lifetime))
    assert ClientSecret.objects.count() == 3


def test_a_required_expiry_must_be_given_without_a_default(workspace, now):
    demo = demand(workspace, now, requires_secret_expiry=True)
    assert "Choose a lifetime, for example 90d" in refusal(lambda: make(demo, now))
    assert make(demo, now, secret_lifetime=5000 * DAY).secret.secret.expires_at == now + 5000 * DAY


def test_rotation_cuts_what_it_inherits_to_what_is_allowed(workspace, now):
    client = make(workspace, now, secret_lifetime=365 * DAY).client
    demand(workspace, now, max_secret_lifetime_days=30)
    client = Client.objects.get()
    assert rotation.rotate_secret(client=client, actor=TESTS, now=now).secret.expires_at == now + 30 * DAY


def test_rotation_of_a_secret_without_an_end_gets_what_a_new_one_gets(workspace, now):
    make(workspace, now)
    demand(workspace, now, max_secret_lifetime_days=30, default_secret_lifetime_days=7)
    assert rotation.rotate_secret(client=Client.objects.get(), actor=TESTS, now=now).secret.expires_at == now + 7 * DAY


def test_policy_that_becomes_stricter_meanwhile_counts(workspace, now):
    """The caller's copy of the row is older than the policy."""
    demand(Workspace.objects.get(), now, max_secret_lifetime_days=30, max_token_lifetime=600, allowed_auth_methods=["client_secret_basic"])
    events = AuditEvent.objects.count()
    assert "doesn’t allow client_secret_post" in refusal(lambda: make(workspace, now))
    assert "A token lifetime of 3,600 s is too long" in refusal(lambda: make(workspace, now, auth_methods=["client_secret_basic"]))
    assert "requires an expiry date for each secret" in refusal(
        lambda: make(workspace, now, auth_methods=["client_secret_basic"], token_lifetime=timedelta(seconds=600))
    )
    assert (Client.objects.count(), AuditEvent.objects.count()) == (0, events)


# Lives of tokens


def test_longer_life_of_tokens_is_refused_and_the_default_is_cut(workspace, now):
    demo = demand(workspace, now, max_token_lifetime=600)
    assert refusal(lambda: make(demo, now, token_lifetime=timedelta(seconds=601))).startswith(
        "A token lifetime of 601 s is too long: demo allows at most 600 s."
    )
    assert make(demo, now).client.token_lifetime == 600
    assert make(demo, now, token_lifetime=timedelta(seconds=60)).client.token_lifetime == 60


def test_default_longer_than_the_longest_is_refused(workspace, now):
    demo = demand(workspace, now, max_secret_lifetime_days=30)
    with pytest.raises(ValidationError) as error:
        demand(demo, now, default_secret_lifetime_days=31)
    assert error.value.message_dict == {"default_secret_lifetime_days": ["The default can’t be longer than the maximum of 30 days."]}
