"""Hand-over links: who may use one, what it creates, and that it works once."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from clients.duration import NO_END
from clients.models import AuditEvent, Client, ClientSecret, HandOver
from clients.public_key import read_jwk
from clients.secret import digest_secret
from clients.services import clients, hand_overs, public_keys
from clients.services.audit import Actor
from oauth.jose import generate_private_key
from tests import factories
from tests.kept_rows import kept

HOME = Actor("anonymous", "192.0.2.7", "request-1")
DAY = timedelta(days=1)


@pytest.fixture
def client(demo):
    client = kept(lambda: factories.create_client(demo, auth_methods=["client_secret_basic", "private_key_jwt"]).secret.client)
    # The copy of the workspace doesn't see what a test changes of it.
    client.workspace = demo
    return client


def make(client, *, recipient="jonas@example.com", lifetime=DAY, secret_lifetime=None, now=None):
    return hand_overs.create_hand_over(
        client=client, recipient=recipient, lifetime=lifetime, secret_lifetime=secret_lifetime, actor=factories.TESTS, now=now or timezone.now()
    )


def use(made, *, now=None):
    return hand_overs.use_for_secret(hand_over=made.hand_over, is_allowed=bool, actor=HOME, now=now or timezone.now())


def key():
    return read_jwk({**generate_private_key("ES256").public_jwk, "kid": "laptop"})


def give(made, parsed=None, *, now=None):
    return hand_overs.use_for_public_key(hand_over=made.hand_over, parsed=parsed or key(), is_allowed=bool, actor=HOME, now=now or timezone.now())


def test_a_link_keeps_only_the_digest_of_its_token(client):
    made = make(client)
    assert made.hand_over.token_digest == hand_overs.digest_of(made.plaintext) != made.plaintext
    assert made.plaintext not in str(HandOver.objects.values().get())
    assert made.plaintext not in str(AuditEvent.objects.filter(event="hand_over.created").values().get())


def test_it_makes_one_secret_with_the_life_that_its_maker_chose_and_says_so(client):
    now, made = timezone.now(), make(client, secret_lifetime=timedelta(days=30))
    new = use(made, now=now)
    assert new.secret.expires_at == now + timedelta(days=30)
    assert digest_secret(new.plaintext) == ClientSecret.objects.get(secret_id=new.secret.secret_id).digest
    assert new.secret.name == "jonas@example.com"
    row = HandOver.objects.get()
    assert (row.used_at, row.used_from, row.credential, row.state(now)) == (now, "192.0.2.7", new.secret.secret_id, "used")
    created, used = AuditEvent.objects.filter(event__startswith="hand_over.").order_by("pk")
    assert (created.actor, created.target_type, created.target_id) == ("command:tests", "client", client.client_id)
    assert created.after["recipient"] == "jonas@example.com"
    by = f"hand-over:{made.hand_over.pk} jonas@example.com"
    assert (used.actor, used.address, used.request_id) == (by, "192.0.2.7", "request-1")
    assert used.after["credential"] == new.secret.secret_id
    secret = AuditEvent.objects.get(event="secret.created", target_id=new.secret.secret_id)
    assert secret.actor == by == ClientSecret.objects.get(secret_id=new.secret.secret_id).created_by
    for again in (use, give):
        with pytest.raises(HandOver.DoesNotExist):
            again(made)
    with pytest.raises(ValidationError, match=f"already been used, for {new.secret.secret_id}"):
        hand_overs.withdraw_hand_over(client=client, pk=made.hand_over.pk, actor=factories.TESTS, now=timezone.now())
    assert ClientSecret.objects.count() == 2


def test_it_makes_a_secret_without_end_where_that_was_chosen(client):
    assert use(make(client, secret_lifetime=NO_END)).secret.expires_at is None


def test_it_takes_a_public_key_instead(client):
    registered = give(make(client))
    assert HandOver.objects.get().credential == f"key:{registered.kid}" == "key:laptop"
    assert registered.name == "jonas@example.com"


def test_a_withdrawn_one_no_longer_works_and_withdrawing_twice_is_one_event(client):
    made = make(client)
    for _ in range(2):
        withdrawn = hand_overs.withdraw_hand_over(client=client, pk=made.hand_over.pk, actor=factories.TESTS, now=timezone.now())
        assert withdrawn.state(timezone.now()) == "withdrawn"
    with pytest.raises(HandOver.DoesNotExist):
        use(made)
    assert AuditEvent.objects.filter(event="hand_over.withdrawn").count() == 1


def test_its_time_ends(client):
    made = make(client, lifetime=timedelta(hours=1))
    assert made.hand_over.state(timezone.now()) == "open"
    later = timezone.now() + timedelta(hours=1)
    assert made.hand_over.state(later) == "over"
    with pytest.raises(HandOver.DoesNotExist):
        use(made, now=later)


def test_it_no_longer_works_once_its_client_is_deleted(client):
    made = make(client)
    Client.objects.filter(pk=client.pk).delete()
    with pytest.raises(HandOver.DoesNotExist):
        use(made)


def test_it_no_longer_works_while_its_client_is_disabled_and_none_is_made(client):
    made = make(client)
    clients.disable_client(client=client, actor=factories.TESTS, now=timezone.now())
    assert not HandOver.objects.usable(timezone.now()).exists()
    with pytest.raises(HandOver.DoesNotExist):
        use(made)
    with pytest.raises(ValidationError, match="disabled"):
        make(Client.objects.get())
    clients.enable_client(client=client, actor=factories.TESTS, now=timezone.now())
    assert use(made)


def test_it_no_longer_works_once_its_workspace_is_to_be_deleted(client, demo):
    make(client)
    demo.deletes_at = timezone.now() + DAY
    demo.save(update_fields=["deletes_at"])
    assert not HandOver.objects.usable(timezone.now()).exists()


@pytest.mark.parametrize("lifetime", [timedelta(), timedelta(days=8), timedelta(seconds=-1)])
def test_it_works_for_seven_days_at_most(client, lifetime):
    with pytest.raises(ValidationError, match="at most 7 days"):
        make(client, lifetime=lifetime)


def test_none_is_made_for_a_client_that_could_use_neither_secret_nor_key(client):
    Client.objects.filter(pk=client.pk).update(auth_methods=["self_signed_tls_client_auth"])
    with pytest.raises(ValidationError, match="no secret or key to hand over"):
        make(client)


def test_policies_of_the_workspace_hold_when_it_is_made(client, demo):
    demo.max_secret_lifetime_days = 30
    demo.save(update_fields=["max_secret_lifetime_days"])
    with pytest.raises(ValidationError, match="too long"):
        make(client, secret_lifetime=timedelta(days=90))
    assert make(client).hand_over.secret_lifetime == 30 * 24 * 3600


def test_and_when_it_is_used(client, demo):
    make(client, secret_lifetime=timedelta(days=90))
    demo.max_secret_lifetime_days = 30
    demo.save(update_fields=["max_secret_lifetime_days"])
    as_it_is = HandOver.objects.select_related("client__workspace").get()
    with pytest.raises(ValidationError, match="too long"):
        hand_overs.use_for_secret(hand_over=as_it_is, is_allowed=bool, actor=HOME, now=timezone.now())
    assert HandOver.objects.get().used_at is None


def test_a_client_that_takes_no_secret_any_more_gets_none(client):
    made = make(client)
    made.hand_over.client.auth_methods = ["private_key_jwt"]
    with pytest.raises(ValidationError, match="no longer uses a secret"):
        use(made)
    made.hand_over.client.auth_methods = ["client_secret_basic"]
    with pytest.raises(ValidationError, match="use a public key"):
        give(made)


def test_no_secret_lifetime_is_stored_for_a_client_that_uses_only_keys(client):
    Client.objects.filter(pk=client.pk).update(auth_methods=["private_key_jwt"])
    assert make(client, secret_lifetime=timedelta(days=30)).hand_over.secret_lifetime is None


def test_a_key_that_the_client_has_already_leaves_the_link_usable(client):
    parsed = key()
    public_keys.add_public_keys(client=client, parsed=[parsed], actor=factories.TESTS, now=timezone.now())
    made = make(client)
    with pytest.raises(ValidationError, match="already"):
        give(made, parsed)
    assert use(made)


def test_a_client_has_so_many_open_links_and_a_workspace_makes_so_many_an_hour(client, monkeypatch):
    monkeypatch.setattr(hand_overs, "MAX_OPEN", 0)
    with pytest.raises(ValidationError, match="0 open links"):
        make(client)
    monkeypatch.setattr(hand_overs, "MAX_OPEN", 20)
    monkeypatch.setattr(hand_overs, "MAX_AN_HOUR", 1)
    make(client)
    with pytest.raises(ValidationError, match="at most 1 links an hour"):
        make(client)
    assert make(client, now=timezone.now() + timedelta(hours=1, seconds=1))


def test_a_secret_that_somebody_wrote_as_recipient_is_taken_out(client):
    secret = factories.create_secret(client).plaintext
    assert secret not in make(client, recipient=f"for {secret}").hand_over.recipient


def test_looking_at_it_the_first_time_is_noted(client):
    made, now = make(client), timezone.now()
    for moment in (now, now + DAY):
        hand_overs.note_opening(hand_over=made.hand_over, now=moment)
    assert HandOver.objects.get().opened_at == now


def test_old_ones_are_pruned_ninety_days_after_their_end(client):
    make(client)
    assert hand_overs.prune(now=timezone.now() + timedelta(days=90)) == 0
    assert hand_overs.prune(now=timezone.now() + timedelta(days=91, hours=1)) == 1


def test_what_else_is_to_be_written_is_written_with_it_or_nothing_is(client):
    def fail(_made):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        hand_overs.create_hand_over(client=client, recipient="", lifetime=DAY, secret_lifetime=None, actor=factories.TESTS, now=timezone.now(), also=fail)
    assert not HandOver.objects.exists()
